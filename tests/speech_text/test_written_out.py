"""What is written becomes words that can be said, each with the characters that it stands for."""

from __future__ import annotations

import random
import re

import pytest

from playground.speech_text.characters import emoji_name, folded
from playground.speech_text.numbers import LARGEST, cardinal, decade, fraction, ordinal, roman, year
from playground.speech_text.written_out import Word, written_out

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*|[a-z]\.")


def said(sentence: str) -> str:
    """The words of a sentence, with its breaks."""
    return " ".join(word.text + word.pause for word in written_out(sentence))


NUMBERS = [
    ("2 1/2 lb of apples", "two and a half pounds of apples"), ("two MP3s", "two m. p. threes"), ("MP6s", "m. p. sixes"),
    ("0", "zero"), ("7", "seven"), ("13", "thirteen"), ("42", "forty two"), ("100", "one hundred"),
    ("365", "three hundred sixty five"), ("1,000", "one thousand"), ("65536", "sixty five thousand five hundred thirty six"),
    ("1,234,567", "one million two hundred thirty four thousand five hundred sixty seven"), ("1000000", "one million"),
    ("2,000,000,000,000", "two trillion"), ("1 000 000", "one million"), ("1.000.000", "one million"), ("0.5", "zero point five"),
    (".5", "point five"), ("3.14159", "three point one four one five nine"),
    ("1,234.50", "one thousand two hundred thirty four point five zero"),
    ("007", "zero zero seven"), ("12345678", "one two three four five six seven eight"), ("-5 or −5", "minus five or minus five"),
    ("1st, 2nd, 3rd, 4th", "first, second, third, fourth"), ("the 11th, 12th, 13th", "the eleventh, twelfth, thirteenth"),
    ("21st 22nd 100th", "twenty first twenty second one hundredth"), ("1,000th", "one thousandth"),
    ("1/2 and 2/3", "one half and two thirds"), ("3/4", "three quarters"), ("2 1/2", "two and a half"),
    ("7/8ths", "seven eighths"),
    ("½ or 3½", "one half or three and a half"), ("¾ cup", "three quarters cup"), ("3-5", "three to five"),
    ("10–15%", "ten to fifteen percent"), ("5%", "five percent"), ("12.5 %", "twelve point five percent"),
    ("3:1", "three to one"), ("24/7", "twenty four seven"), ("1e5", "one times ten to the power of five"),
    ("3x4", "three by four"), ("1920x1080", "one thousand nine hundred twenty by one thousand eighty"),
    ("3x faster", "three times faster"),
    ("v2.0", "version two point zero"), ("192.168.0.1", "one hundred ninety two dot one hundred sixty eight dot zero dot one"),
    ("5 million", "five million"), ("2.5bn", "two point five billion"), ("10k", "ten thousand"),
]
YEARS = [
    ("in 1999", "in nineteen ninety nine"), ("in 2005", "in two thousand five"), ("in 2026", "in twenty twenty six"),
    ("In 1905", "in nineteen oh five"), ("since 1800", "since eighteen hundred"),
    ("1500 people", "one thousand five hundred people"),
    ("2000 years", "two thousand years"), ("the 1800s", "the eighteen hundreds"), ("the 1990's", "the nineteen nineties"),
    ("the '90s", "the nineties"), ("the 60s", "the sixties"), ("summer of '69", "summer of sixty nine"),
    ("1914–1918", "nineteen fourteen to nineteen eighteen"), ("1939-45", "nineteen thirty nine to forty five"),
    ("in 1066", "in ten sixty six"), ("mid-1990s", "mid nineteen nineties"),
]
MONEY = [
    ("$3.50", "three dollars and fifty cents"), ("£20", "twenty pounds"), ("€1.2 million", "one point two million euros"),
    ("$1", "one dollar"), ("$0.99", "ninety nine cents"), ("£1.01", "one pound and one penny"), ("50¢", "fifty cents"),
    ("$1,000,000", "one million dollars"), ("$5k", "five thousand dollars"), ("$3B", "three billion dollars"),
    ("a $5 bill", "a five dollar bill"), ("-$5", "minus five dollars"), ("$5-10", "five to ten dollars"), ("5€", "five euros"),
    ("20 €", "twenty euros"), ("¥500", "five hundred yen"), ("$100/month", "one hundred dollars per month"),
    ("₹75", "seventy five rupees"),
]
DATES = [
    ("May 3rd, 1999", "may third, nineteen ninety nine"), ("May 3", "may third"),
    ("3 May 1999", "the third of may nineteen ninety nine"),
    ("the 4th of July", "the fourth of july"), ("12/25/2024", "december twenty fifth, twenty twenty four"),
    ("25/12/2024", "december twenty fifth, twenty twenty four"), ("2026-11-21", "november twenty first, twenty twenty six"),
    ("21.11.2026", "november twenty first, twenty twenty six"), ("Jan. 5", "january fifth"),
    ("Sept. 7th, 2020", "september seventh, twenty twenty"),
    ("on Mon., 5 Dec", "on monday, the fifth of december"), ("Feb 2021", "february twenty twenty one"), ("I may go", "i may go"),
    ("He sat in the sun", "he sat in the sun"), ("the mar", "the mar"), ("In Jan we ski", "in january we ski"),
]
TIMES = [
    ("5:30", "five thirty"), ("5:30 pm", "five thirty p. m."), ("17:05", "seventeen oh five"), ("12:00", "twelve o'clock"),
    ("5 p.m.", "five p. m."), ("7 o'clock", "seven o'clock"), ("5pm", "five p. m."), ("12:30am", "twelve thirty a. m."),
    ("10am-5pm", "ten a. m. to five p. m."), ("6:00 a.m.–7:00 p.m.", "six a. m. to seven p. m."),
    ("5:30-6:15", "five thirty to six fifteen"),
    ("18:00", "eighteen hundred"), ("10:00:05", "ten o'clock and five seconds"), ("at 7 a.m. sharp", "at seven a. m. sharp"),
]
SHORT = [
    ("Mr. and Mrs. Fox", "mister and missus fox"), ("Dr. Hare", "doctor hare"), ("12 Oak Dr. here", "twelve oak drive here"),
    ("St. Paul", "saint paul"), ("on Baker St. now", "on baker street now"), ("42nd St. is", "forty second street is"),
    ("St John's", "saint john's"), ("figs, e.g. red", "figs, for example red"), ("food, i.e. figs", "food, that is figs"),
    ("figs, etc. are", "figs, et cetera are"), ("a vs. b", "a versus b."), ("No. 5", "number five"), ("no. I go", "no, i go"),
    ("John Jr. left", "john junior left"), ("approx. 5 km", "approximately five kilometers"), ("Prof. Lee", "professor lee"),
    ("Capt. Kirk, Lt. Dan", "captain kirk, lieutenant dan"), ("Gen. Lee and Sen. Doe", "general lee and senator doe"),
    ("p. 5, pp. 6-7", "page five, pages six to seven"), ("vol. 2, ch. 3", "volume two, chapter three"),
    ("Fig. 3", "figure three"),
    ("Acme Inc. and Foo Ltd.", "acme incorporated and foo limited"), ("Mt. Fuji", "mount fuji"), ("Ft. Knox", "fort knox"),
    ("w/o it", "without it"), ("5th Ave. and", "fifth avenue and"), ("max. 5", "maximum five"), ("Max. He", "max, he"),
    ("Ph.D.", "p. h. d."), ("We met Ed. He", "we met ed, he"), ("300 B.C.", "three hundred b. c."),
]
UNITS = [
    ("1 kg", "one kilogram"), ("5kg", "five kilograms"), ("3 lbs", "three pounds"), ("6 ft", "six feet"),
    ("5'10\" tall", "five feet ten tall"),
    ("60 mph", "sixty miles per hour"), ("100 km/h", "one hundred kilometers per hour"), ("20°C", "twenty degrees celsius"),
    ("70 °F", "seventy degrees fahrenheit"), ("45°", "forty five degrees"), ("-1°", "minus one degree"),
    ("8 MB", "eight megabytes"),
    ("16GB", "sixteen gigabytes"), ("5 m²", "five square meters"), ("3 m3", "three cubic meters"),
    ("3 in the box", "three in the box"),
    ("5 in. wide", "five inches wide"), ("a 10-km run", "a ten kilometer run"), ("3-year-old", "three year old"),
    ("5 kg/day", "five kilograms per day"), ("3.2 GHz", "three point two gigahertz"), ("5 Ω", "five ohms"),
    ("8 GB/s", "eight gigabytes per second"),
]
LETTERS = [
    ("J. R. R. Tolkien", "j. r. r. tolkien"), ("J.R.R. Tolkien", "j. r. r. tolkien"), ("the USA", "the u. s. a."),
    ("the U.S.A. is", "the u. s. a. is"),
    ("BBC", "b. b. c."), ("NASA and NATO", "nasa and nato"), ("TVs", "t. v's"), ("the BBC's", "the b. b. c's"),
    ("HTML or html", "h. t. m. l. or h. t. m. l."),
    ("AT&T", "a. t. and t."), ("R&D", "r. and d."), ("AC/DC", "a. c. d. c."), ("JSON", "jason"),
    ("the US or us", "the u. s. or us"),
    ("IT department", "i. t. department"), ("do IT", "do it"), ("HELLO WORLD", "hello world"),
    ("THIS IS FOR US", "this is for us"),
    ("STOP it", "stop it"), ("Plan A is", "plan a. is"), ("A dog", "a dog"), ("vitamin C", "vitamin c."), ("T-shirt", "t. shirt"),
    ("He and I.", "he and i"), ("Henry VIII", "henry the eighth"), ("Chapter IV", "chapter four"),
    ("World War II", "world war two"),
    ("Louis XIV's", "louis the fourteenth's"), ("Elizabeth I.", "elizabeth the first"), ("IV. The Castle", "four, the castle"),
    ("Act V, scene ii", "act five, scene two"), ("John Smith III", "john smith the third"), ("Part I", "part one"),
    ("XIV century", "fourteenth century"),
    ("And I said", "and i said"), ("MIX", "mix"),
]
SYMBOLS = [
    ("rock & roll", "rock and roll"), ("2 + 2 = 4", "two plus two equals four"), ("5 - 3 = 2", "five minus three equals two"),
    ("3 * 4", "three times four"),
    ("3 < 5", "three is less than five"), ("10>5", "ten is greater than five"), ("x² and 2^3", "x. squared and two cubed"),
    ("#1", "number one"),
    ("10^-3", "ten to the power of minus three"), ("y >= 2", "y. is at least two"), ("C++17", "c. plus plus seventeen"),
    ("§ 5", "section five"), ("© 2026", "copyright twenty twenty six"), ("a ± b", "a plus or minus b."), ("C#", "c. sharp"),
    ("~5", "about five"),
    ("π is", "pi is"), ("*bold* and _slanted_", "bold and slanted"), ("and/or", "and slash or"), ("100%", "one hundred percent"),
]
ADDRESSES = [
    ("bob@example.com", "bob at example dot com"), ("www.example.com", "w. w. w. dot example dot com"),
    ("see example.org.", "see example dot org"),
    ("https://example.com/a-b", "example dot com slash a dash b"), ("readme.txt", "readme dot t. x. t."),
    ("foo_bar@x-y.co.uk", "foo underscore bar at x dash y dot co dot u. k."),
    ("http://localhost:8000/", "localhost colon eight thousand slash"),
    ("221B Baker St., Apt. 4", "two twenty one b. baker street, apartment four"),
    ("1234 Elm Street", "twelve thirty four elm street"),
    ("CA 90210", "c. a. nine zero two one zero"), ("555-1234", "five five five, one two three four"),
    ("(555) 123-4567", "five five five, one two three, four five six seven"),
    ("+44 20 7946", "plus four four, two zero, seven nine four six"),
    ("#GoGreen", "hashtag go green"), ("@bob", "at bob"), ("iPhone15", "i. phone fifteen"), ("GPT-4", "g. p. t. four"),
    ("MP3", "m. p. three"),
    ("H2O", "h. two o."), ("COVID-19", "covid nineteen"), ("R2D2", "r. two d. two"), ("A4", "a. four"),
    ("x86", "x. eighty six"), ("3D", "three d."),
    ("JavaScript", "java script"), ("McDonald's", "mcdonald's"), ("call 911", "call nine one one"), ("PyTorch", "py torch"),
]
WORDS = [
    ("'Twas the night", "twas the night"), ("rock'n'roll", "rock'n'roll"), ("I don’t, you’re", "i don't, you're"),
    ("‘Yes,’ he said", "yes, he said"),
    ("the dogs' bones", "the dogs bones"), ("goin' 'round", "goin round"), ("get 'em", "get em"),
    ("“Hi!” (Bob) – yes", "hi, bob, yes"), ("well-known", "well known"),
    ("café naïve Zürich", "cafe naive zurich"), ("Straße, Łódź, Ærø", "strasse, lodz, aero"), ("e\u0301te\u0301", "ete"),
    ("Ｈｅｌｌｏ ﬁne 𝐁𝐨𝐥𝐝", "hello fine bold"),
    ("sooooo goooood", "so good"), ("noooo yesss", "no yes"), ("hmmmm", "hmm"), ("Привет hello мир", "hello"), ("日本語", ""),
    ("中文 and 5", "and five"),
    ("I love it 😀😀", "i love it, grinning"), ("👍", "thumbs up"), ("🍎🐱", "red apple, cat face"), ("🇬🇧", "g. b. flag"),
    ("hi 👋🏽", "hi, waving"),
    ("wait... what", "wait, what"), ("a -- dog - cat", "a, dog, cat"), ("... !!! ---", ""), ("", ""), ("o'clock", "o'clock"),
    ("ok", "okay"),
    ("A HEN found it", "a hen found it"), ("A DVD of it", "a d. v. d. of it"), ("if I AM it", "if i am it"),
    ("in Oz.", "in oz"), ("WHAT are you", "what are you"), ("half-a-dozen", "half a dozen"), ("b-b-but n-no", "but no"),
    ("Y-e-e-s, no-o-o", "yes, no"), ("P-I-N", "p. i. n."), ("VII", "seven"), ("x-ray", "x. ray"),
    ("well; yes: no", "well, yes, no"), ("and so,", "and so,"), ("and so.", "and so"),
]
ALL = [*NUMBERS, *YEARS, *MONEY, *DATES, *TIMES, *SHORT, *UNITS, *LETTERS, *SYMBOLS, *ADDRESSES, *WORDS]


@pytest.mark.parametrize(("sentence", "expected"), ALL)
def test_what_is_written_is_said_in_words(sentence: str, expected: str) -> None:
    assert said(sentence) == expected


def check(text: str, words: tuple[Word, ...]) -> None:
    """What holds for any text."""
    for word in words:
        assert WORD.fullmatch(word.text), word
        assert 0 <= word.at < word.to <= len(text)
        assert word.pause in ("", ",")
    for first, second in zip(words, words[1:], strict=False):
        assert first.at <= second.at and first.to <= second.to
        assert first.to <= second.at or (first.at, first.to) == (second.at, second.to)


def uncovered(text: str, words: tuple[Word, ...]) -> str:
    """Letters and digits that no word stands for."""
    covered = {at for word in words for at in range(word.at, word.to)}
    return "".join(c for at, c in enumerate(text) if at not in covered and c.isalnum())


@pytest.mark.parametrize("sentence", [sentence for sentence, _ in ALL])
def test_every_word_points_at_its_characters(sentence: str) -> None:
    words = written_out(sentence)
    check(sentence, words)
    assert all(ord(c) > 0x370 for c in uncovered(sentence, words))


@pytest.mark.parametrize(("sentence", "places"), [
    ("It costs $3.50 now", ["It", "costs", *["$3.50"] * 5, "now"]),
    ("May 3rd, 1999!", ["May", "3rd", "1999", "1999", "1999"]),
    ("Dr. Oak, e.g. me", ["Dr.", "Oak", "e.g.", "e.g.", "me"]),
    ("cafe\u0301 ok", ["cafe\u0301", "ok"]),
    ("½ café", ["½", "½", "café"]),
    ("ß ﬁne", ["ß", "ß", "ﬁne"]),
    ("GoGreen", ["Go", "Green"]),
    ("5:30 pm", ["5:30", "5:30", "pm", "pm"]),
    ("see a.com.", ["see", "a.com", "a.com", "a.com"]),
    ("“don’t”", ["don’t"]),
])
def test_places_are_those_of_the_sentence(sentence: str, places: list[str]) -> None:
    assert [sentence[word.at:word.to] for word in written_out(sentence)] == places


@pytest.mark.parametrize("text", [
    "a" * 20_000, "ab." * 6667, "a." * 10_000, "1" * 20_000, "1," * 10_000, "1-" * 10_000, "1." * 10_000, "$1" * 10_000,
    " " * 20_000, "'a" * 10_000, "a@b." * 5000, "http://" * 2800, "IV " * 6600, "😀" * 20_000, "漢" * 20_000, "A-" * 10_000,
    "Jan 1 " * 3333, "aA" * 10_000, "(" * 20_000, "1/2" * 6666, "+1 " * 6666, "." * 20_000, "1" + " 000" * 5000,
    "\x00\ud800\uffff",
    "aaab" * 5000, "\u0301" * 100, "\u200d\ufe0f", "٣ १ Ⅷ ⅔ ② ㊗ ﷺ", "0" * 50 + ".0" * 50, "$" + "9" * 500 + ".50",
    "9" * 5000 + "th",
    "1/0 0/0 99/99/9999 2026-99-99 99:99 00:00 0:0", "-", "'", "'s 's", "@ # $ % ^ & *", "1e99999999 5^" + "9" * 400,
])
def test_odd_texts_are_no_trouble(text: str) -> None:
    check(text, written_out(text))


def test_random_texts_are_no_trouble() -> None:
    rng = random.Random(0)
    for _ in range(300):
        text = "".join(rng.choice("aAbBzIVX12 05.,'\"$£-–/:;@#%()É😀½°²’…") for _ in range(rng.randrange(60)))
        check(text, written_out(text))
    for _ in range(100):
        text = "".join(chr(rng.randrange(1, 0x11000)) for _ in range(50))
        check(text, written_out(text))


@pytest.mark.parametrize(("number", "expected"), [
    (-3, "minus three"), (0, "zero"), (110, "one hundred ten"), (1001, "one thousand one"), (10**12, "one trillion"),
    (LARGEST, "one" + " zero" * 15), (999_999, "nine hundred ninety nine thousand nine hundred ninety nine"),
])
def test_cardinals(number: int, expected: str) -> None:
    assert cardinal(number) == expected


def test_other_numbers() -> None:
    assert [ordinal(n) for n in (0, 1, 20, 100, 112)] == ["zeroth", "first", "twentieth", "one hundredth", "one hundred twelfth"]
    assert [year(n) for n in (2000, 2010, 1700, 1001)] == ["two thousand", "twenty ten", "seventeen hundred", "one thousand one"]
    assert [decade(n) for n in (1960, 2000, 2010)] == ["nineteen sixties", "two thousands", "twenty tens"]
    assert [fraction(*n) for n in ((1, 2), (3, 2), (1, 4), (5, 6), (1, 0))] == [
        "one half", "three halves", "one quarter", "five sixths", "one over zero",
    ]


def test_roman_numerals() -> None:
    assert [roman(text) for text in ("I", "IV", "IX", "XIV", "XL", "MCMXCIX")] == [1, 4, 9, 14, 40, 1999]
    assert not any(map(roman, ("", "IIII", "VX", "IC", "ABC", "iv")))


def test_characters_are_folded_with_their_places() -> None:
    assert folded("é…") == ("e...", [(0, 1), (1, 2), (1, 2), (1, 2)])
    assert folded("e\u0301x") == ("ex", [(0, 2), (2, 3)])
    assert folded("") == ("", [])


@pytest.mark.parametrize(("emoji", "name"), [("❤", "heart"), ("🍎", "red apple"), ("漢", ""), ("a", "")])
def test_emoji_have_names(emoji: str, name: str) -> None:
    assert emoji_name(emoji) == name
