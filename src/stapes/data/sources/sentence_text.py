"""Ordinary English sentences of frequent words, drawn at random, without the wake word.

A pattern is a sentence with names of lists in braces. An entry of a list may have names too.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import numpy as np

_PATTERNS = """
{Who} {did} the {thing} {when}.|{Who} {did} my {quality} {thing}.|{Who} {went} {where} {when}.
{Who} {went} {where} with {person}, and {person} {did} the {thing}.|{Who} {did} two of them.
I think {person} {did} the {thing} because it was {quality}.|{person} is {quality} {when}.
The {thing} {where} is {quality}, but the {thing} is {quality}.|My {person_of} is {feeling} again.
There was a {quality} {thing} {where}.|There are {number} {things} {where}.|That is {quality}!
We need {number} {things} and a {thing} for {day}.|It costs {number} dollars and {number} cents.
They {did} it in {month}, when it was {weather}.|It is {weather} {where} {when}.|Who {did} that?
Have you seen the {quality} {thing}?|Where is the {thing} that {person} {did}?|Is it {weather}?
Do you know {person}, my {person_of}?|What did {person} say {when}?|Why are you so {feeling}?
How many {things} do you want?|How far is it from {place} to {place}?|When does it begin?
Would you like some {food} or some {food}?|Can we meet {where} {when}?|Which {thing} is yours?
Could you give me the {thing}, please?|Are you {feeling}, {name}?|Shall we eat {food} {when}?
Turn {onoff} the {device}.|Please turn {onoff} the {device} {where}.|Play some {music}.
Set a timer for {number} minutes.|Wake me at {clock} on {day}.|Remind me to buy {food} {when}.
Call {person}.|Send a message to {person}: I am {feeling}.|Add {food} to my list.|Stop it, please.
Make it louder.|What will the weather be like in {place} {when}?|Set the {device} to {number}.
What time is it in {place}?|Open the {device}, then close the {device}.|Find a {quality} {thing}.
Good morning, {name}.|Thank you very much, {name}.|How are you today?|See you {when}.|I am sorry.
Nice to meet you, I am {name} from {place}.|Never mind.|Well, I do not know.|Of course not.
Oh, really?|I would rather have {food}.|Have a good {day}.|No problem, take your time.
Let me think about that.|It does not matter.|You look {feeling}.|I am {feeling} {when}.
{number}, {number}, {number}, {number}.|My number is {digit} {digit} {digit}, {digit} {digit}.
It happened in nineteen {number}.|On {day} at {clock} we {went} {where}.|{name} lives in {place}.
{name} and {name} are {feeling}.|{things}, {things} and {things}.|First the {thing}, then {food}.
If {person} comes {when}, we will have {food}.|Although it was {weather}, {who} {went} {where}.
People say that {things} are {quality}.|Every {day} {who} {did} something {quality}.
The {job} told the {job} about a {thing}.|{place} is famous for {food} and {things}.
In {month} the {animal} slept near the {thing}.|A {animal} and a {animal} ran {where}.
Once there was a {job} who had a {quality} {animal}.|Her {body} hurt, so she saw a {job}.
He put his {body} on the {thing}.|{Who} wore a {colour} {clothing} and a {colour} {clothing}.
Their {thing} is {colour}, and ours is {colour}.|This {clothing} is too {quality} for {name}.
The news was about {subject} and {subject}.|We talked about {subject} for {number} minutes.
Let us learn {subject}, said the {job}.|Nobody understands {subject} like {person}.
"""

_LISTS = """
Who: I|You|We|They|She|He|{name}|My {person_of}|Their {person_of}|The {job}|Somebody|Everyone
who: I|you|we|they|she|he|{name}|my {person_of}|the {job}|nobody|our {person_of}
person: {name}|my {person_of}|your {person_of}|the {job}|{name}|his {person_of}
person_of: mother|father|brother|sister|uncle|aunt|cousin|friend|neighbour|boss|husband|wife
name: Anna|Peter|Mary|George|Susan|Robert|Linda|Thomas|Julia|Oliver|Emily|David|Sarah|Kevin|Nora
name: Martin|Helen|Frank|Alice|Victor|Grace|Simon|Paula|Daniel|Rachel|Hugo|Fiona|Edward|Vera
job: teacher|doctor|driver|farmer|nurse|singer|judge|baker|soldier|lawyer|painter|pilot|waiter
job: captain|engineer|gardener|student|manager|king|queen|thief|writer|officer|plumber|dentist
did: found|lost|bought|sold|saw|broke|fixed|cleaned|carried|painted|forgot|wanted|loved|hid|took
did: noticed|moved|dropped|opened|closed|washed|borrowed|described|measured|ordered|threw away
went: walked|drove|ran|went|travelled|stayed|waited|worked|danced|arrived|sat down|hurried|rested
where: at home|in the kitchen|near the river|at school|in the garden|by the window|outside|upstairs
where: on the beach|in {place}|behind the church|at the office|in the street|under the bridge
where: in the forest|across the road|at the station|in the bathroom|over there|next door|downtown
when: today|tomorrow|yesterday|last night|this morning|on {day}|in {month}|at {clock}|after lunch
when: before dinner|next week|very early|every evening|all summer|right away|for {number} hours
day: Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|weekend|birthday|holiday
month: January|February|March|April|May|June|July|August|September|October|November|December
clock: {hour} o'clock|half past {hour}|quarter to {hour}|{hour} thirty|{hour} fifteen|noon|midnight
hour: one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve
digit: zero|one|two|three|four|five|six|seven|eight|nine
number: two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen
number: sixteen|eighteen|twenty|twenty one|thirty|thirty five|forty|forty two|fifty|sixty four
number: seventy|eighty eight|ninety nine|a hundred|two hundred|three thousand|half a million
thing: table|chair|letter|book|bottle|window|door|key|picture|phone|car|bicycle|ticket|hammer
thing: newspaper|umbrella|mirror|basket|ladder|blanket|candle|pencil|suitcase|bridge|boat|train
thing: mountain|river|flower|tree|stone|cloud|box|machine|knife|clock|computer|camera|guitar|map
thing: village|market|hospital|library|engine|wheel|garden|pocket|present|story|question|answer
thing: house|room|floor|wall|roof|street|kitchen|plate|glass|spoon|pillow|ring|coin|bell|rope
things: shoes|books|apples|boxes|glasses|houses|children|horses|flowers|songs|games|stars|islands
things: buses|potatoes|stamps|bridges|teachers|chairs|mistakes|questions|tools|birds|windows|rules
quality: big|small|old|new|long|short|heavy|light|cheap|expensive|beautiful|strange|broken|clean
quality: dirty|empty|full|warm|cold|soft|hard|quiet|loud|simple|dangerous|famous|wooden|round|wide
quality: narrow|excellent|terrible|wonderful|different|usual|perfect|slow|fast|sharp|thick|modern
feeling: tired|happy|sad|angry|hungry|thirsty|busy|ready|late|bored|nervous|proud|sick|lucky|alone
weather: cold|hot|windy|raining|snowing|cloudy|sunny|foggy|freezing|dark|warm and dry|too wet
food: bread|butter|cheese|milk|coffee|tea|soup|chicken|rice|fish|salad|sugar|chocolate|water|juice
food: orange juice|tomatoes|onions|garlic|honey|pancakes|lemon cake|ice cream|noodles|beans|pepper
place: London|Paris|Berlin|Chicago|Boston|Madrid|Tokyo|Sydney|Dublin|Rome|Vienna|Oslo|Cairo|Texas
place: Canada|Germany|India|Brazil|Scotland|Africa|Norway|Mexico|Japan|Seattle|Denver|Portugal
onoff: on|off|up|down
device: light|lamp|heating|radio|television|music|fan|oven|alarm|curtain|volume|coffee machine
music: jazz|rock|piano music|old songs|something by {name}|dance music|classical music|country
animal: dog|cat|horse|cow|sheep|mouse|bird|fox|rabbit|lion|elephant|monkey|tiger|wolf|donkey|goose
body: head|hand|foot|arm|shoulder|finger|back|knee|elbow|left ear|nose|stomach|right leg|neck
colour: red|blue|green|yellow|black|white|brown|grey|purple|orange|pink|golden|silver|dark blue
clothing: shirt|coat|hat|dress|jacket|scarf|sweater|belt|skirt|glove|uniform|tie|raincoat
subject: football|history|money|the weather|science|politics|fashion|health|physics|the election
subject: cooking|the economy|chess|astronomy|traffic|language|art|religion|the future|mathematics
"""

_DRAWS = 10_000
"""After so many sentences with the word in a row, there is none without."""


def normal(text: str) -> str:
    """The words of a text without case and punctuation, with a space before and after each.

    Examples
    --------
    >>> normal("Hey, Computer!")
    ' hey computer '
    """
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold().replace("_", " "))
    return f" {' '.join(words)} "


def has_word(sentence: str, word: str) -> bool:
    """Whether a sentence contains a word or phrase, also inside other words.

    A word of one or two letters counts only where it stands alone.

    Examples
    --------
    >>> has_word("The household is warm.", "House"), has_word("I ran into a tree.", "to")
    (True, False)
    """
    wanted = normal(word)
    return (wanted if len(wanted) < 5 else wanted.strip()) in normal(sentence)


def sentences(word: str, rng: np.random.Generator) -> Iterator[str]:
    """Draw sentences without a word, for ever; or end where none is without it."""
    lists = _lists()
    left = _DRAWS
    while left:
        sentence = _drawn(_OFTEN[rng.integers(len(_OFTEN))], lists, rng)
        left -= 1
        if not has_word(sentence, word):
            left = _DRAWS
            yield sentence[0].upper() + sentence[1:]


def _drawn(text: str, lists: dict[str, list[str]], rng: np.random.Generator) -> str:
    def draw(name: re.Match[str]) -> str:
        entries = lists[name[1]]
        return _drawn(entries[rng.integers(len(entries))], lists, rng)

    return re.sub(r"\{(\w+)\}", draw, text)


def _lists() -> dict[str, list[str]]:
    lists: dict[str, list[str]] = {}
    for line in _LISTS.split("\n"):
        name, _, entries = line.partition(": ")
        if entries:
            lists.setdefault(name, []).extend(entries.split("|"))
    return lists


# The more a pattern varies, the more often it is drawn.
_OFTEN = [
    pattern
    for pattern in re.split(r"[|\n]", _PATTERNS)
    for _ in range(1 + 4 * pattern.count("{") if pattern else 0)
]
