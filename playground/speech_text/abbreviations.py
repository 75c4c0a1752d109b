"""What short forms stand for: titles, streets, months, units, money, symbols, and letters that are spelled or said."""

from __future__ import annotations

# Written with a full stop, or without one where BARE has them.
ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "miz", "messrs": "messieurs", "mx": "mix", "prof": "professor", "rev": "reverend",
    "hon": "honorable", "gen": "general", "col": "colonel", "maj": "major", "capt": "captain", "cpt": "captain",
    "cmdr": "commander", "lt": "lieutenant", "sgt": "sergeant", "cpl": "corporal", "pvt": "private", "gov": "governor",
    "sen": "senator", "rep": "representative", "pres": "president", "supt": "superintendent", "fr": "father",
    "jr": "junior", "sr": "senior", "esq": "esquire", "etc": "et cetera", "vs": "versus", "approx": "approximately",
    "ave": "avenue", "blvd": "boulevard", "rd": "road", "ln": "lane", "hwy": "highway", "pkwy": "parkway", "sq": "square",
    "apt": "apartment", "bldg": "building", "mt": "mount", "mts": "mountains", "inc": "incorporated", "ltd": "limited",
    "corp": "corporation", "co": "company", "bros": "brothers", "dept": "department", "assn": "association", "est": "established",
    "govt": "government", "univ": "university", "min": "minimum", "max": "maximum", "tel": "telephone", "ext": "extension",
    "incl": "including", "excl": "excluding", "misc": "miscellaneous", "cont": "continued", "temp": "temperature",
    "avg": "average", "ref": "reference", "ca": "circa", "cf": "compare", "viz": "namely", "et al": "and others",
    "yr": "year", "yrs": "years", "hr": "hour", "hrs": "hours", "mins": "minutes", "secs": "seconds", "wk": "week",
    "wks": "weeks", "mo": "month", "mos": "months", "doz": "dozen", "lbs": "pounds",
    "ed": "edition", "eds": "editors", "trans": "translated", "illus": "illustrated", "anon": "anonymous",
}
BARE = frozenset(
    "mr mrs ms messrs prof capt sgt jr sr esq etc vs approx blvd hwy pkwy bldg dept ltd govt lbs".split()
)
TITLES = frozenset("gen col maj gov sen rep rev pres hon fr mt".split())  # only before a name
STREETS = frozenset("rd ave ln".split())  # only with a capital
WORDS_TOO = frozenset("min max est ed mo ref cont temp ca trans sq".split())  # short forms only where the sentence goes on
BEFORE_NUMBERS = {
    "no": "number", "nos": "numbers", "fig": "figure", "figs": "figures", "vol": "volume", "vols": "volumes", "p": "page",
    "pp": "pages", "pg": "page", "ch": "chapter", "chap": "chapter", "sec": "section", "eq": "equation", "art": "article",
    "op": "opus", "v": "versus", "pt": "part", "c": "circa", "ver": "version", "para": "paragraph", "rm": "room",
}
DOTTED = {
    "e.g": "for example", "i.e": "that is", "a.k.a": "also known as", "p.s": "p. s.", "n.b": "note", "ph.d": "p. h. d.",
    "m.sc": "m. s. c.", "b.sc": "b. s. c.", "c.v": "c. v.", "q.v": "which see", "et.al": "and others",
}
SHORT = {
    "w/": "with", "w/o": "without", "c/o": "care of", "b/c": "because", "n/a": "not applicable", "wifi": "wifi",
    "wi-fi": "wifi", "24/7": "twenty four seven",
}
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
SHORT_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "sept": 9, "oct": 10, "nov": 11, "dec": 12,
}
SHORT_DAYS = {
    "mon": 0, "tue": 1, "tues": 1, "wed": 2, "weds": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5, "sun": 6,
}
STATES = frozenset(
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC "
    "SD TN TX UT VT VA WA WV WI WY DC".split()
)

CURRENCIES = {  # one, many, a hundredth, hundredths
    "$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"), "¥": ("yen", "yen", "sen", "sen"), "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"), "₽": ("ruble", "rubles", "kopeck", "kopecks"), "₺": ("lira", "lira", "kurus", "kurus"),
    "₿": ("bitcoin", "bitcoins", "", ""), "¢": ("cent", "cents", "", ""),
}
SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "mm": "million", "bn": "billion",
    "b": "billion", "B": "billion", "t": "trillion", "tn": "trillion", "T": "trillion", "thousand": "thousand",
    "hundred": "hundred", "million": "million", "billion": "billion", "trillion": "trillion", "Million": "million",
    "Billion": "billion",
}
UNITS = {  # one, many
    "km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "nm": "nanometer", "μm": "micrometer",
    "mi": "mile", "ft": ("foot", "feet"), "yd": "yard", "yds": "yard", "in": ("inch", "inches"), "kg": "kilogram",
    "g": "gram", "mg": "milligram", "μg": "microgram", "lb": "pound", "lbs": "pound", "oz": "ounce", "l": "liter",
    "L": "liter", "ml": "milliliter", "mL": "milliliter", "cl": "centiliter", "dl": "deciliter", "gal": "gallon",
    "pt": "pint", "qt": "quart", "tsp": "teaspoon", "tbsp": "tablespoon", "mph": ("mile per hour", "miles per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"), "kmh": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"), "m/s": ("meter per second", "meters per second"),
    "s": "second", "ms": "millisecond", "μs": "microsecond", "ns": "nanosecond", "sec": "second", "secs": "second",
    "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "yr": "year", "yrs": "year", "wk": "week",
    "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "PB": "petabyte",
    "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte", "kb": "kilobit", "Mb": "megabit", "Gb": "gigabit",
    "kbps": ("kilobit per second", "kilobits per second"), "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"), "MB/s": ("megabyte per second", "megabytes per second"),
    "GB/s": ("gigabyte per second", "gigabytes per second"), "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"), "GHz": ("gigahertz", "gigahertz"), "W": "watt", "kW": "kilowatt", "MW": "megawatt",
    "GW": "gigawatt", "kWh": "kilowatt hour", "V": "volt", "kV": "kilovolt", "mA": "milliamp", "mAh": "milliamp hour",
    "kJ": "kilojoule", "cal": "calorie", "kcal": "kilocalorie", "Pa": "pascal", "kPa": "kilopascal",
    "hPa": "hectopascal", "psi": "p. s. i.", "dB": "decibel", "fps": ("frame per second", "frames per second"),
    "Ω": "ohm", "kΩ": "kilohm", "rpm": ("turn per minute", "turns per minute"), "dpi": ("dot per inch", "dots per inch"),
    "px": "pixel", "MP": "megapixel",
    "ha": "hectare", "sq ft": ("square foot", "square feet"), "sq km": "square kilometer", "sq mi": "square mile",
    "sq m": "square meter", "°C": ("degree celsius", "degrees celsius"), "°F": ("degree fahrenheit", "degrees fahrenheit"),
    "° C": ("degree celsius", "degrees celsius"), "° F": ("degree fahrenheit", "degrees fahrenheit"), "°": "degree",
    "%": ("percent", "percent"), "‰": ("per mille", "per mille"), "¢": "cent", "pct": ("percent", "percent"), "x": ("times",
    "times"),
    "×": ("times", "times"), "°K": ("degree kelvin", "degrees kelvin"), "mol": "mole", "Nm": "newton meter",
}
# without a number
ALONE = (
    "km/h", "kmh", "kph", "mph", "m/s", "MB/s", "GB/s", "km", "kg", "cm", "mm", "kHz", "MHz", "GHz", "kWh", "Mbps", "Gbps",
    "lb", "lbs", "oz", "tbsp", "tsp",
)
ATTACHED = frozenset({"x", "×", "W", "V", "L", "MP", "pt"})  # these only where no space stands before
SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "%": "percent", "©": "copyright", "®": "registered", "™": "trademark",
    "°": "degrees", "§": "section", "€": "euros", "£": "pounds", "¥": "yen", "¢": "cents", "$": "dollars", "±": "plus or minus",
    "×": "times", "÷": "divided by", "≈": "approximately", "≠": "is not equal to", "≤": "is at most", "≥": "is at least",
    "√": "square root of", "∞": "infinity", "²": "squared", "³": "cubed", "→": "to", "↔": "to and from", "₹": "rupees",
    "‰": "per mille", "₿": "bitcoins", "₩": "won", "₽": "rubles", "₺": "lira",
}
COMPARISONS = {">=": "is at least", "<=": "is at most", "!=": "is not equal to", "==": "equals"}
VULGAR = {
    "½": "one half", "¼": "one quarter", "¾": "three quarters", "⅓": "one third", "⅔": "two thirds", "⅛": "one eighth",
    "⅜": "three eighths", "⅝": "five eighths", "⅞": "seven eighths", "⅕": "one fifth", "⅖": "two fifths", "⅗": "three fifths",
    "⅘": "four fifths", "⅙": "one sixth", "⅚": "five sixths",
}
PER = frozenset(
    "second sec s minute min hour hr h day night week wk month mo year yr person head child kg lb km mile mi unit piece each "
    "month".split()
)
IN_ADDRESSES = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "@": "at", ":": "colon", "?": "question mark", "=": "equals",
    "&": "and", "#": "hash", "%": "percent", "~": "tilde", "+": "plus", ",": "comma",
}
DOMAINS = frozenset(
    "com org net edu gov mil int io ai app dev uk us ca au de fr es it nl eu jp cn in br ru ch se no fi dk pl at be ie nz "
    "info biz co me tv ly gg xyz site online shop blog tech gl to".split()
)
FILES = frozenset(
    "txt pdf doc docx xls xlsx ppt pptx csv json xml html htm css js ts py rs go java cpp md yml yaml toml ini sh exe zip "
    "tar gz jpg jpeg png gif webp svg mp mp3 mp4 wav flac ogg avi mov mkv bat log cfg db sql".split()
)
SPELLED_DOMAINS = frozenset(
    "io ai uk us au de fr es nl eu jp cn br ru ch fi dk pl ie nz tv ly gg xyz edu html htm css js ts rs md yml sh jpg png gif "
    "mp mp3 mp4 svg csv xml pdf txt cpp py gz mkv db sql cfg xls ppt www http https".split()
)

# Capitals that are letters although they look like a word, and those that are a word although they look like letters.
SPELLED = frozenset(
    "USA US UK EU UN UAE TV CD DVD FBI CIA BBC CNN NBC ABC CBS PBS NPR IBM GM BMW NBA NFL MLB NHL UFO PC AI ML UI UX IP ID OK "
    "PM AC DC AD BC BCE CE DNA RNA ATM GPS API URL USB CPU GPU SSD HDD PDF RSS FAQ DIY VIP CEO CFO CTO COO HR PR IQ EQ PE "
    "PHD MBA BA MA MD OS IOS AR VR ESP ETA FYI IOU LA NY NYC DJ MC MP MPH KG KM ISP SOS SUV UPS USSR YMCA AAA AA EV ER ICU "
    "IRS NSA UCLA MIT NYU USC IEEE NAACP ACLU AOL MSN AT ASAP OMG BTW IMO EUR USD AU ISO EP LP IPA ISBN IMF WHO IPO SEO ROI "
    "IDE LED LCD OECD AAPL".split()
) - {"AT", "WHO", "LA"}
SAID = frozenset(
    "NASA NATO UNESCO UNICEF OPEC AIDS RADAR LASER SCUBA RAM ROM PIN SIM COVID SWAT FIFA NAFTA ASCII GIF JPEG NAND FEMA OSHA "
    "POTUS SCOTUS DARPA PETA IKEA LEGO NOAA YOLO LOL BIOS LAN WAN SARS MERS ASEAN BRICS GUI RAID NASDAQ MIDI UEFA SAT ACT CAD "
    "NIMBY MOMA INTEL CERN EPCOT".split()
)
SPOKEN_AS = {
    "JSON": "jason", "SQL": "sequel", "JPEG": "jay peg", "OK": "okay", "BIOS": "bye oss", "GUI": "gooey", "CERN": "sern",
    "UEFA": "you eh fa", "IEEE": "eye triple e.", "NAACP": "n. double a. c. p.",
}
SHORT_WORDS = frozenset(
    "a i am an as at be by do go he hi if in is it me my no of oh ok on or so to up us we ah ha ho ma pa ow eh um uh hm ye lo "
    "ax ox ace act add age ago aid aim air all and ant any ape arm art ash ask ate bad bag ban bar bat bay bed bee beg bet "
    "big bit bow box boy bud bug bun bus but buy bye cab can cap car cat cow cry cub cup cut dad day den did die dig dim dip "
    "dog dot dry due ear eat egg ego elf end era eve eye fan far fat fed fee few fig fin fit fix fly fog for fox fry fun fur "
    "gap gas get god got gum gun guy had ham has hat hay her hey hid him hip his hit hop hot how hug hut ice ill ink inn its "
    "jam jar jaw jet job joy key kid kit lab lap law lay led leg let lid lie lip lit log lot low mad man map mat may men met "
    "mix mob mom mud nap net new nil nor not now nut oak odd off oil old one orb our out owe owl own pad pan pat paw pay pea "
    "pen pet pie pig pin pit pot put rag ran rat raw ray red rib rid rim rob rod rot row rub rug run sad sat saw say sea see "
    "set sew she shy sin sir sit six ski sky sly sob son sow sue sum sun tag tan tap tar tax tea ten the tie tin tip toe too "
    "top toy try tub two ugh urn use van vet vow wag war was wax way web wed wet who why wig win wit won wow yes yet you zip "
    "zoo are sam tom bob ben dan jim ned pip roy ted tim leo ann amy ada meg kay liz pam sal sub pop aha hmm shh huh nah yay "
    "yep aye nay hah boo bah duh ooh aah mum".split()
)
CLIPPED = {
    "'twas": "twas", "'tis": "tis", "'em": "em", "'til": "till", "'till": "till", "'cause": "cause", "'bout": "bout",
    "'round": "round", "'twere": "twere", "'twill": "twill", "'twould": "twould", "'tisn't": "tisn't", "'n'": "and", "'n": "and",
    "'im": "im", "'ere": "ere", "'er": "er", "'neath": "neath", "'gainst": "gainst", "'ave": "ave", "'ad": "ad", "'e": "ee",
    "'tain't": "tain't", "'twasn't": "twasn't", "'un": "un", "'uns": "uns", "'ll": "will", "'board": "board", "'midst": "midst",
}
DOUBLED = frozenset(
    "good cool look book took too soon food room moon school boo woo moo zoo foot root tool wool see need sweet tree free "
    "three feel keep sleep sheep week seem been green queen wee whee eek week deep all will well tell hello yell bell ball "
    "call fall tall hall small still full pull kill hill bill miss kiss pass boss loss less yes bless mess off stuff puff egg "
    "odd add buzz fuzz jazz happy sorry really silly pretty funny yummy bunny daddy mummy mommy hurry sunny summer dinner "
    "better butter little apple hooray yahoo shoo loo goo ooh aah eww aww hmm shh mmm brr grr wee yippee yoohoo bee fee knee "
    "glee agree week speed street meet feet creep weep beep jeep cheese freeze sneeze breeze cheers goodness loosen noon "
    "spoon balloon cartoon bloom doom boom broom zoom vroom whoops oops booze choose loose goose moose proof roof tooth "
    "smooth blood flood wood hood stood".split()
)
REGNAL = frozenset(
    "Henry Louis Charles George Edward James William Richard John Paul Pius Benedict Leo Gregory Innocent Alexander Elizabeth "
    "Mary Catherine Frederick Philip Peter Nicholas Napoleon Ivan Francis Ferdinand Otto Ramses Rameses Ptolemy Clement Urban "
    "Sixtus Julius Victor Umberto Alfonso Christian Gustav Haakon Harald Olav Wilhelm Karl Constantine Justinian Darius "
    "Xerxes Cyrus Stephen Robert David Kenneth Margaret Anne Juan Carlos Emmanuel Leopold Albert Baldwin Boniface Celestine "
    "Adrian Hadrian Rudolf Maximilian Joseph Sigismund Felipe Isabella Thutmose Amenhotep Seti Cleopatra Theodosius Michael "
    "Basil Murad Selim Mehmed Suleiman".split()
)
NUMBERED = frozenset(
    "chapter part book act scene volume section war article phase type level stage class appendix title room number vol no "
    "canto psalm lesson unit series season episode bowl figure table plate stanza letter group category mark".split()
)
EARLIER_YEAR = frozenset(
    "in since by until till from of year years around circa before after during early late mid spring summer autumn fall "
    "winter between and to through about anno copyright class ad bc than christmas easter born died".split()
)
