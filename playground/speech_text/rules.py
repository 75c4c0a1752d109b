"""The rules by which a piece of written text becomes words: each a pattern, and what to say for what it matches.

A rule's function takes the match and returns the words with spaces between ("," behind one is a break), a list of such
with their own places, "" for something silent, or None where the rule does not hold after all.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from playground.speech_text import numbers, spelling
from playground.speech_text.abbreviations import (
    ALONE,
    ATTACHED,
    BEFORE_NUMBERS,
    CURRENCIES,
    DAYS,
    DOMAINS,
    EARLIER_YEAR,
    FILES,
    IN_ADDRESSES,
    MONTHS,
    NUMBERED,
    REGNAL,
    SCALES,
    SHORT,
    SHORT_DAYS,
    SHORT_MONTHS,
    SPELLED_DOMAINS,
    STATES,
    UNITS,
    VULGAR,
)
from playground.speech_text.numbers import cardinal, digits, ordinal

Said = str | list[tuple[str, int, int]] | None
Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], Said]]

NUM = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
MONEY = "".join(re.escape(sign) for sign in CURRENCIES)
VULGAR_SIGNS = "".join(VULGAR)
BY_MONTH = {month.lower(): number for number, month in enumerate(MONTHS, 1)} | SHORT_MONTHS
MONTH = "|".join(sorted((m.title() for m in BY_MONTH), key=len, reverse=True))
UNIT = "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True))
SCALE = "|".join(sorted(SCALES, key=len, reverse=True))
PLURAL_NEXT = re.compile(
    r" (?:[a-z]+ )?(?!(?:was|is|has|as|his|this|its|us|does|always|perhaps|across|towards)\b)"
    r"(?:[a-z]+s|people|men|women|children|feet)\b",
)
STREET_NEXT = re.compile(
    r"[A-Za-z]? [A-Z][a-z]+ (?:St|Ave|Rd|Street|Road|Avenue|Lane|Drive|Dr|Blvd|Boulevard|Place|Court|Way)\b",
)
MONTH_FOLLOWS = frozenset("in since by until from of late early last next every this".split())


def before(match: re.Match[str], count: int = 30) -> str:
    """The characters before a match."""
    return match.string[max(0, match.start() - count):match.start()]


def after(match: re.Match[str], count: int = 40) -> str:
    """The characters after a match."""
    return match.string[match.end():match.end() + count]


def last_word(match: re.Match[str]) -> str:
    """The word right before a match, as it is written; "" where punctuation stands between."""
    found = re.search(r"([A-Za-z']+)\.? ?$", before(match))
    return found[1] if found else ""


def spelled(text: str) -> str:
    """Letters one by one: "ab" -> "a. b."."""
    return " ".join(f"{c}." for c in text.lower() if "a" <= c <= "z")


# Addresses of the web

def web_address(match: re.Match[str]) -> Said:
    scheme, host, path = match["scheme"], match["host"], match["path"] or ""
    ending = host.rsplit(".", 1)[-1].lower()
    if not (scheme or "@" in host or host.lower().startswith("www.") or ending in DOMAINS or ending in FILES):
        return None
    if not (scheme or "@" in host) and (ending not in FILES and not host.islower() and re.search(r"\.[A-Z][a-z]", host)):
        return None
    tail = re.search(r"[.,;:!?'\"]*$", path)[0]
    end = match.end() - len(tail)
    return [(in_address(host + path[:len(path) - len(tail)]), match.start(), end)]


def in_address(text: str) -> str:
    """Parts of an address, with its marks by name."""
    words = []
    for part in re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d]", text):
        if part.isdigit():
            words.append(numbers.number(part) if len(part) < 5 else digits(part))
        elif part.isalpha():
            spell = part.lower() in SPELLED_DOMAINS or not part.isascii()
            words.append(spelled(part) if spell else spelling.written(part))
        else:
            words.append(IN_ADDRESSES.get(part, ""))
    return " ".join(filter(None, words))


# Dates and times

def date_words(year: int, month: int, day: int) -> Said:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{MONTHS[month - 1].lower()} {ordinal(day)}, {numbers.year(year)}"


def iso_date(match: re.Match[str]) -> Said:
    return date_words(*map(int, match.groups()))


def numbered_date(match: re.Match[str]) -> Said:
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    if len(match[4]) == 2:
        year += 1900 if year > 40 else 2000
    month_first = match[2] == "/" and first <= 12
    return date_words(year, *((first, second) if month_first else (second, first)))


def month_day(match: re.Match[str]) -> Said:
    name, day = match["month"].lower(), int(match["day"].rstrip("stndrh"))
    if not 1 <= day <= 31:
        return None
    words = [(MONTHS[BY_MONTH[name] - 1].lower(), *match.span("month")), (ordinal(day), *match.span("day"))]
    if match["year"]:
        words[-1] = (words[-1][0] + ",", *match.span("day"))
        words.append((numbers.year(int(match["year"])), *match.span("year")))
    return words


def day_month(match: re.Match[str]) -> Said:
    day = int(match["day"].rstrip("stndrh"))
    if not 1 <= day <= 31:
        return None
    month = MONTHS[BY_MONTH[match["month"].lower()] - 1].lower()
    the = "" if re.search(r"\bthe $", before(match), re.I) else "the "
    words = [(f"{the}{ordinal(day)} of", *match.span("day")), (month, *match.span("month"))]
    if match["year"]:
        words.append((numbers.year(int(match["year"])), *match.span("year")))
    return words


def month_alone(match: re.Match[str]) -> Said:
    dotted, following = match.end() > match.end("month"), after(match)
    if match["month"].lower() not in SHORT_MONTHS:
        return None
    told = last_word(match).lower() in MONTH_FOLLOWS
    if told or dotted and not re.match(r"\s*$|\s+[A-Z]", following) or re.match(r"\.? ?,? ?(?:'?\d{2}|\d{4})\b", following):
        return MONTHS[SHORT_MONTHS[match["month"].lower()] - 1].lower()
    return None


def day_alone(match: re.Match[str]) -> Said:
    following = after(match)
    dotted = match.end() > match.end("day")
    if dotted and not re.match(r"\s*$", following) or re.match(rf",? (?:\d|{MONTH})|[-–]", following):
        pause = "," if following.startswith(",") else ""
        return [(DAYS[SHORT_DAYS[match["day"].lower()]].lower() + pause, match.start(), match.end())]
    return None


def clock(match: re.Match[str]) -> Said:
    hour, minute, half = int(match["hour"]), match["minute"], match["half"]
    if minute is None and not half:
        return None
    if hour > 24 or minute and int(minute) > 59:
        return None
    said = [cardinal(hour)]
    if minute and int(minute):
        said.append(f"oh {cardinal(int(minute))}" if minute[0] == "0" else cardinal(int(minute)))
    elif minute and not half:
        said.append("o'clock" if 0 < hour <= 12 else "hundred" if hour else "hours")
    if match["second"]:
        said.append(f"and {cardinal(int(match['second']))} seconds")
    place = (match.start(), match.end("second") if match["second"] else match.end("minute") if minute else match.end("hour"))
    words = [(" ".join(said), *place)]
    if half:
        words.append((spelled(half), *match.span("half")))
    return words


def ratio(match: re.Match[str]) -> Said:
    return f"{numbers.number(match[1])} to {numbers.number(match[2])}"


def decade(match: re.Match[str]) -> Said:
    number = int(match["number"])
    if len(match["number"]) == 2:
        return numbers.plural(numbers.TENS[number // 10]) if number >= 20 else None
    return numbers.decade(number)


def short_year(match: re.Match[str]) -> Said:
    return f"oh {cardinal(int(match[1]))}" if match[1][0] == "0" else cardinal(int(match[1]))


# Money

def money(match: re.Match[str]) -> Said:
    sign, amount, scale = match["sign"], match["amount"].replace(",", ""), match["scale"]
    one, many, cent, cents = CURRENCIES[sign]
    if match["upto"]:
        scale_word = f" {SCALES[scale]}" if scale else ""
        return f"{numbers.number(match['amount'])} to {numbers.number(match['upto'])}{scale_word} {many}"
    if scale:
        return f"{numbers.number(match['amount'])} {SCALES[scale]} {many}"
    whole, _, part = amount.partition(".")
    adjective = re.search(r"\b(?:an?|per|the) $", before(match), re.I) and re.match(r"[- ][a-z]", after(match))
    if len(part) != 2 or not cent or len(whole) > 15:
        name = one if amount == "1" or adjective and not part else many
        return f"{value(match['amount'])} {name}"
    parts = [f"{cardinal(int(whole))} {one if int(whole) == 1 else many}"] if int(whole or 0) else []
    if int(part):
        parts.append(f"{cardinal(int(part))} {cent if int(part) == 1 else cents}")
    return " and ".join(parts) or f"zero {many}"


def money_behind(match: re.Match[str]) -> Said:
    one, many, *_ = CURRENCIES[match["sign"]]
    return f"{value(match['amount'])} {one if match['amount'] == '1' else many}"


def value(text: str) -> str:
    """An amount: a long one is a number, too, not digits."""
    whole = text.replace(",", "").partition(".")[0]
    return cardinal(int(whole)) if text.isdigit() and len(whole) < 16 else numbers.number(text)


# Numbers

def phone(match: re.Match[str]) -> Said:
    if len(re.sub(r"\D", "", match[0])) < 7:
        return None
    groups = re.findall(r"\d+", match[0])
    said = ", ".join(digits(group) for group in groups)
    return f"plus {said}" if match[0][0] == "+" else said


def feet(match: re.Match[str]) -> Said:
    inches = f" {cardinal(int(match[2]))}" if match[2] else ""
    return f"{cardinal(int(match[1]))} {'feet' if inches or match[1] != '1' else 'foot'}{inches}"


def dimension(match: re.Match[str]) -> Said:
    return f"{numbers.number(match[1])} by"


def fraction(match: re.Match[str]) -> Said:
    whole, above, below = match["whole"], int(match["above"]), int(match["below"])
    if match["above"] + match["below"] == "911":
        return "nine eleven"
    if above == below == 50:
        return "fifty fifty"
    if below == 0 or above >= below and not (below == 2 and above < 10):
        return f"{cardinal(above)} {'out of' if above == below == 10 else 'slash'} {cardinal(below)}" if not whole else None
    if below > 20 and below not in (25, 32, 50, 64, 100):
        return f"{cardinal(above)} {'over' if below < 1000 else 'slash'} {cardinal(below)}"
    said = numbers.fraction(above, below)
    if whole:
        return f"{cardinal(int(whole))} and {re.sub('^one ', 'a ' if below not in (8, 18) else 'an ', said)}"
    return said


def vulgar(match: re.Match[str]) -> Said:
    said = VULGAR[match[2]]
    if not match[1]:
        return said
    return f"{numbers.number(match[1])} and {re.sub('^one ', 'an ' if said.endswith('eighth') else 'a ', said)}"


def range_start(match: re.Match[str]) -> Said:
    first, second = match["first"], match["second"]
    years = is_year_like(first) and (is_year_like(second) or len(second) == 2)
    said = numbers.year(int(first)) if years else numbers.number(first)
    less = re.match(r" ?=", match.string[match.end("second"):match.end("second") + 2])
    return [(f"{said} {'minus' if less else 'to'}", match.start(), match.end())]


def is_year_like(text: str) -> bool:
    return len(text) == 4 and text.isdigit() and 1010 <= int(text) <= 2099


def grouped(match: re.Match[str]) -> Said:
    return cardinal(int(re.sub(r"\D", "", match[0])))


def digit_groups(match: re.Match[str]) -> Said:
    return ", ".join(digits(group) for group in re.findall(r"\d+", match[0]))


def scientific(match: re.Match[str]) -> Said:
    return f"{numbers.number(match[1])} times ten to the power of {cardinal(int(match[2]))}"


def dotted_number(match: re.Match[str]) -> Said:
    parts = match[0].split(".")
    return (" dot " if len(parts) > 3 else " point ").join(numbers.number(part) for part in parts)


def power(match: re.Match[str]) -> Said:
    minus = "" if match[1][0].isdigit() else "minus "
    return {"2": "squared", "3": "cubed"}.get(match[1]) or f"to the power of {minus}{numbers.number(match[1].lstrip('-−'))}"


def ordinal_number(match: re.Match[str]) -> Said:
    return ordinal(int(match[1].replace(",", ""))) if len(match[1]) < 16 else None


def with_unit(match: re.Match[str]) -> Said:
    text, gap, unit = match["number"], match["gap"], match["unit"]
    if gap and unit in ATTACHED or gap == "-" and unit in ("in", "a", "A", "s", "x"):
        return None
    following = r"\s(?:wide|long|tall|high|deep|thick|by|of|x)\b" if unit == "in" else r"\s(?:[a-z]{2,}|\d)"
    if unit in ("in", "s", "m", "h", "l", "g") and gap == " " and not re.match(rf"\s*(?:[.,;:!?)]|$)|{following}", after(match)):
        return None
    if unit == "s" and not gap and is_year_like(text):
        return None
    if unit == "s" and not gap and before(match)[-1:].isalpha():  # "MP3s"
        return numbers.plural(value(text))
    names = UNITS[unit]
    one, many = names if isinstance(names, tuple) else (names, f"{names}s" if not names.endswith(".") else names)
    single = text == "1" or gap == "-"
    square = match["square"]
    name = one if single else many
    if square:
        name = f"{'square' if square in '²2' else 'cubic'} {name}"
    return f"{value(text)} {name}"


def with_scale(match: re.Match[str]) -> Said:
    return f"{numbers.number(match[1])} {SCALES[match[2]]}"


def zip_code(match: re.Match[str]) -> Said:
    state = re.search(r"\b([A-Z]{2}) $", before(match))
    return digits(match[0]) if state and state[1] in STATES else None


def plain_number(match: re.Match[str]) -> Said:
    text = match[0]
    if is_year_like(text):
        return as_year(match)
    earlier = last_word(match).lower()
    if earlier in ("call", "dial", "dialled", "dialed", "code", "pin") and text.isdigit():
        return digits(text)
    street = STREET_NEXT.match(after(match))
    return house_number(match) if street and text.isdigit() and len(text) in (3, 4) else numbers.number(text)


def house_number(match: re.Match[str]) -> Said:
    """221 as "two twenty one"."""
    text = match[0]
    if text[0] == "0" or not int(text) % 100:
        return numbers.number(text)
    return f"{cardinal(int(text[:-2]))} {'oh ' if text[-2] == '0' else ''}{cardinal(int(text[-2:]))}"


def as_year(match: re.Match[str]) -> Said:
    """Four digits as a year, unless they count something."""
    number, earlier = int(match[0]), last_word(match).lower()
    month = earlier in BY_MONTH
    if re.search(r"\d{4}[-–]$|\byear (?:was|is) $", before(match)):
        return numbers.year(number)
    if (earlier in EARLIER_YEAR or month) and not re.match(r" (?:people|times|miles|men|women|feet)\b", after(match)):
        return numbers.year(number)
    if number < 1100 or re.search(r"[=+*<>×÷/#]\s?$", before(match)) or PLURAL_NEXT.match(after(match)):
        return cardinal(number)
    return numbers.year(number)


# Words that depend on what stands beside them

def roman_numeral(match: re.Match[str]) -> Said:
    text, earlier = match["numeral"], last_word(match)
    said = numeral(match, text, earlier)
    return f"{said}'s" if said and match["owns"] else said


def numeral(match: re.Match[str], text: str, earlier: str) -> str | None:
    number = numbers.roman(text.upper())
    if text.islower():
        return cardinal(number) if number and earlier.lower() in NUMBERED else None
    if number and re.match(r" century\b", after(match)):
        return ordinal(number)
    heading = r"\.(?: [A-Z]|$)|$" if len(text) > 1 and not re.search("[CDM]", text) else r"\.(?: [A-Z]|$)"
    if number and not before(match).strip() and re.match(heading, after(match)):
        return cardinal(number)
    if not number or not earlier or not before(match).endswith(" "):
        return None
    if earlier.lower() in NUMBERED and (text, earlier) != ("I", "no"):
        return cardinal(number)
    if not earlier[0].isupper() or re.search("[CDM]", text):
        return None
    if len(text) == 1:
        king = earlier in REGNAL and re.match(r"\W*$|[,.;:!?)]| (?:was|of|and|had|died)\b", after(match))
        return f"the {ordinal(number)}" if king else None
    son = number < 5 and earlier != "War" and re.search(r"[A-Z][a-z]+ [A-Z][a-z]+ $", before(match))
    return f"the {ordinal(number)}" if earlier in REGNAL or son else cardinal(number)


def unit_alone(match: re.Match[str]) -> Said:
    names = UNITS[match[0]]
    return names[1] if isinstance(names, tuple) else f"{names}s"


def stuttered(match: re.Match[str]) -> Said:
    return spelling.written(match[2])


def drawn_out(match: re.Match[str]) -> Said:
    """"No-o-o" and "Y-e-e-s"; capitals with dashes are spelled."""
    return spelling.plain(re.sub(r"(.)\1+", r"\1\1\1", match[0].replace("-", "").lower()))


def before_number(match: re.Match[str]) -> Said:
    return BEFORE_NUMBERS[match[1].lower()]


def short_form(match: re.Match[str]) -> Said:
    return SHORT[match[0].lower()]


def rules_for_digits() -> tuple[Rule, ...]:
    """The rules for text that begins with a digit, a sign of money, or a point before digits, in their order."""
    end = r"(?![A-Za-z\d])"
    return tuple((re.compile(pattern), say) for pattern, say in (
        (r"24/7" + end, short_form),
        (r"(\d{4})-(\d\d)-(\d\d)(?=T\d|" + end + ")", iso_date),
        (r"(\d{1,2})([/.])(\d{1,2})\2(\d{4}|\d\d)" + end, numbered_date),
        (rf"(?:US|A|C|NZ)?(?P<sign>[{MONEY}]) ?(?P<amount>{NUM})(?:[-–][{MONEY}]?(?P<upto>{NUM}))?"
         rf"(?:[ -]?(?P<scale>{SCALE})(?![A-Za-z]))?", money),
        (rf"(?P<amount>{NUM}) ?(?P<sign>[{MONEY}])(?!\d)", money_behind),
        (r"\(?\d{3}\)?[-. ]\d{3}[-.]\d{4}" + end + r"|\(\d{3}\) ?\d{3} \d{4}" + end, phone),
        (r"\d{3}-\d{4}" + end, phone),
        (r"0\d{2,4} \d{3,4} \d{3,4}" + end, phone),
        (r"(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d\d)(?::(?P<second>\d\d))?)? ?(?P<half>[AaPp]\.?[Mm](?:\.|(?![a-zA-Z])))", clock),
        (r"(?P<hour>\d{1,2})[:h](?P<minute>\d\d)(?::(?P<second>\d\d))?(?P<half>)(?![\d:])", clock),
        (rf"({NUM}):({NUM})(?!:)", ratio),
        (r"(?P<number>\d{3}0|\d0)'?s(?![A-Za-z])", decade),
        (r"(\d[\d,]{0,18})(?:st|nd|rd|th|ST|ND|RD|TH)(?![A-Za-z])", ordinal_number),
        (rf"(?P<day>\d{{1,2}}(?:st|nd|rd|th)?) (?P<month>{MONTH})\b(?:,? (?P<year>\d{{4}})(?!\d))?", day_month),
        (rf"({NUM})(?: [x×] |[x×])(?=\d)", dimension),
        (r"(?:(?P<whole>\d{1,12})[ -])?(?P<above>\d{1,3})/(?P<below>\d{1,4})(?:ths?|rds?|nds?)?(?![\d/])", fraction),
        (rf"(\d+)? ?([{VULGAR_SIGNS}])", vulgar),
        (r"(\d{1,2})'(?: ?(\d{1,2})(?:\"|''))?(?![A-Za-z\d])", feet),
        (r"[1-9]\d{0,2}(?:([. ])\d{3})(?:\1\d{3}){1,4}(?![\d.])", grouped),
        (r"\d+(?:\.\d+){2,}(?!\d)", dotted_number),
        (r"\d{1,20}(?:-\d{1,20}){2,12}" + end + r"|\d{4}(?: \d{4}){2,12}" + end, digit_groups),
        (rf"({NUM})[eE]([+-]?\d{{1,5}})" + end, scientific),
        (rf"(?P<first>{NUM}) ?[-–—] ?(?=(?P<second>{NUM})(?![-–]?\d))", range_start),
        (rf"({NUM})[- ](hundred|thousand|million|billion|trillion)\b", with_scale),
        (rf"({NUM})([kM]|bn|mn)(?![A-Za-z\d])", with_scale),
        (rf"(?P<number>{NUM})(?P<gap>[ -]?)(?P<unit>{UNIT})(?P<square>[²³]|[23](?!\d))?(?![A-Za-z\d])"
         r"(?:\.(?= [a-z\d]))?", with_unit),
        (r"\d{5}(?:-\d{4})?" + end, zip_code),
        (r"(\d{3,4})(?=[A-Z] [A-Z][a-z])", house_number),
        (NUM, plain_number),
    ))


def rules_for_letters() -> tuple[Rule, ...]:
    """The rules for text that begins with a letter and is no plain word, in their order."""
    months = "|".join(sorted((m.title() for m in SHORT_MONTHS), key=len, reverse=True))
    days = "|".join(sorted((d.title() for d in SHORT_DAYS), key=len, reverse=True))
    alone = "|".join(re.escape(unit) for unit in ALONE)
    numbered = "|".join(sorted(BEFORE_NUMBERS, key=len, reverse=True))
    return (
        (re.compile(rf"(?P<month>{MONTH})\.? (?P<day>\d{{1,2}}(?:st|nd|rd|th)?)(?![\d:/%]|[-–]\d{{3}})"
                    r"(?:,? (?P<year>\d{4})(?![\d%]))?"),
         month_day),
        (re.compile(rf"(?P<month>{months})(?![A-Za-z])\.?"), month_alone),
        (re.compile(rf"(?P<day>{days})(?![A-Za-z])\.?"), day_alone),
        (re.compile(rf"({numbered})\. ?(?=\d)", re.I), before_number),
        (re.compile(r"(pp?)(?=\d)"), before_number),
        (re.compile(r"([A-Za-z])-(?:\1-){0,5}(?=\1)([A-Za-z]{2,})(?!['A-Za-z])", re.I), stuttered),
        (re.compile(r"[A-Za-z](?:-[a-z]){2,30}(?![A-Za-z])|[A-Za-z]{1,20}([a-z])(?:-\1){1,30}(?![A-Za-z])"), drawn_out),
        (re.compile(r"v(?=\d+\.\d)"), lambda match: "version"),
        (re.compile(r"(?:w/o|c/o|b/c|n/a|wi-?fi)(?![A-Za-z])|w/(?= )", re.I), short_form),
        (re.compile(r"(?P<numeral>[IVXLCDM]+|[ivxl]{2,6})(?P<owns>'s)?(?![A-Za-z\d'])"), roman_numeral),
        (re.compile(rf"(?:{alone})(?![A-Za-z\d/])"), unit_alone),
        (re.compile(r"US(?=\$\d)"), lambda match: "u. s."),
    )


WEB = re.compile(
    r"(?P<scheme>(?:https?|ftp)://|mailto:)?(?P<host>(?:[\w.+-]{1,64}@)?(?:[A-Za-z\d_-]{1,63}\.){1,8}[A-Za-z]{1,10}\d?(?![\w@])|(?<=//)[\w-]{1,63})"
    r"(?P<path>(?::\d+)?(?:[/?#][^\s<>\"]{0,2000})?)",
)
SHORT_YEAR = re.compile(r"'(\d\d)(?!\d|'|s)")
SHORT_DECADE = re.compile(r"'(?P<number>\d0)'?s(?![A-Za-z])")
POWER = re.compile(r"\^([-−]?\d+)")
PHONE = re.compile(r"\+\d{1,3}(?:[-. ]?\(?\d{1,5}\)?){1,6}(?!\d)")
