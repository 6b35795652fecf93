"""Closed lists of English words that the rules from trees to AMR read."""

from papers.amr_summarization.rules import listed

MODALS = {  # {auxiliary: (frame, role of what it governs)}
    "ca": ("possible-01", ":ARG1"),
    "can": ("possible-01", ":ARG1"),
    "could": ("possible-01", ":ARG1"),
    "may": ("possible-01", ":ARG1"),
    "might": ("possible-01", ":ARG1"),
    "must": ("obligate-01", ":ARG2"),
    "should": ("recommend-01", ":ARG1"),
    "ought": ("recommend-01", ":ARG1"),
}
NEGATIONS = listed.words("not n't never no nt")
# "It cannot be" denies the possibility; "it may not be" is a possibility.
NEGATED_MODALS = listed.words("can could ca")
CONJUNCTIONS = {"or": "or", "nor": "or", "but": "contrast-01"}
# First words that tie a sentence to the one before it: {word: (frame, its role)}.
OPENERS = {
    "and": ("and", ":op1"),
    "but": ("contrast-01", ":ARG2"),
    **listed.each("so therefore thus hence", ("cause-01", ":ARG1")),
}
# A pronoun that a sentence has twice is one node: most often they are the same.
PERSONAL = listed.words("i you he she it we they")
QUESTIONS = {
    "where": ":location", "when": ":time", "why": ":cause", "how": ":manner",
}  # fmt: skip
# What a question within a sentence asks for: "I know where you live".
EMBEDDED = {
    "what": "thing", "who": "person", "whom": "person", "which": "thing",
    "where": "location", "when": "time", "how": "manner", "why": "cause",
}  # fmt: skip
ARTICLES = listed.words("a an the")
SILENT_DETERMINERS = ARTICLES | listed.words("'s what which whose")
UNACCUSATIVE = listed.words(
    "come fall die happen arrive break open close melt burn explode grow increase "
    "decrease rise drop sink disappear appear collapse crash start begin end stop "
    "change move occur emerge vanish expand shrink freeze boil spread default "
    "vary exist improve decline turn pass expire last weigh cost result"
)
# Their subject or theme is :ARG1 where they have no object and a destination is :ARG4.
MOTION = listed.words(
    "go come arrive travel walk drive fly run return move walk ride sail march rush "
    "climb swim head crawl wander journey migrate flee depart leave fall step"
)
# The object of these is what acts in the clause below, and no argument itself.
RAISING = listed.words(
    "want need like expect believe see hear watch let make feel consider think find "
    "help have allow wish hate prefer love notice know imagine"
)
# The one who is told is :ARG2, what to do is :ARG1.
TELLING = listed.words(
    "tell ask order urge advise promise warn teach command beg "
    "request instruct invite remind show give offer lend write"
)
SAYING = listed.words(
    "say tell report announce state claim add note explain argue suggest declare "
    "write ask reply answer believe think insist warn confirm admit deny"
)
TIMES = listed.words(
    "second minute hour day week month year decade century morning afternoon evening "
    "night today yesterday tomorrow tonight now then season spring summer autumn "
    "winter weekend time moment period era age date noon midnight"
)
TIME_ADVERBS = listed.words(
    "now then today yesterday tomorrow tonight already recently currently previously "
    "later earlier soon once formerly eventually finally immediately "
    "ago before afterwards ever never first initially originally subsequently"
)
FREQUENCIES = listed.words(
    "often always usually sometimes frequently rarely seldom occasionally regularly "
    "twice daily weekly monthly annually"
)
PLACE_ADVERBS = listed.words(
    "here there everywhere somewhere anywhere nowhere abroad home "
    "outside inside upstairs downstairs nearby elsewhere"
)
DIRECTIONS = listed.words("back down up away out off forward forwards backwards")
DEGREES = listed.words(
    "very too so quite extremely highly rather more most less least as completely "
    "totally nearly almost much slightly fairly particularly especially really "
    "entirely fully absolutely"
)
FOCUS = listed.words(
    "only even also just too alone mainly mostly exactly especially well instead again "
    "still"
)
UNITS = {
    **listed.each(
        "second minute hour day week month year decade century", "temporal-quantity"
    ),
    **listed.each(
        "dollar euro pound yen cent franc mark rupee yuan peso $ £ €",
        "monetary-quantity",
    ),
    **listed.each(
        "mile kilometer kilometre meter metre foot inch yard centimeter km m "
        "cm mm mi ft",
        "distance-quantity",
    ),
    **dict.fromkeys(["kilogram", "ton", "tonne", "gram", "kg"], "mass-quantity"),
    **dict.fromkeys(["acre", "hectare"], "area-quantity"),
    **dict.fromkeys(["liter", "litre", "gallon"], "volume-quantity"),
    **dict.fromkeys(["degree", "celsius", "fahrenheit"], "temperature-quantity"),
}
SYMBOLS = {
    "$": "dollar", "£": "pound", "€": "euro", "km": "kilometer", "m": "meter",
    "cm": "centimeter", "mm": "millimeter", "mi": "mile", "ft": "foot",
    "kg": "kilogram",
}  # fmt: skip
GROUPS = listed.words(
    "group team herd pile crowd number bunch band set series pair "
    "gang army collection list family flock swarm piece bit"
)
PARTS = listed.words(
    "part top side end bottom middle center centre roof wheel leg arm "
    "head unit section half front back edge corner south north east west member "
    "engine door wall hand foot face eye portion branch"
)
# What belongs to a body: `(h / hand :part-of (b / boy))`.
BODY = listed.words(
    "arm hand head heart eye finger face hair leg foot knee mouth nose ear neck throat "
    "shoulder skin tooth lip back chest brain tail wing thorn petal"
)
# Behind "at", what these are turned to is :ARG1.
LOOKING = listed.words("look stare glance gaze peer laugh smile shout")
# Behind "to", what these are about is :ARG1.
ABOUT_TO = listed.words("belong listen react attend refer")
MATERIALS = listed.words(
    "glass silk stone wood wooden gold golden silver iron steel paper leather sand "
    "rock ice plastic brick metal cotton wool concrete marble"
)
NUMBERS = listed.numbered(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen twenty"
)
TENS = {
    word: 10 * number
    for word, number in listed.numbered(
        "twenty thirty forty fifty sixty seventy eighty ninety", start=2
    ).items()
}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
ORDINALS = listed.numbered(
    "first second third fourth fifth sixth seventh eighth ninth tenth", start=1
)
MONTHS = listed.numbered(
    "january february march april may june july august september october "
    "november december",
    start=1,
)
WEEKDAYS = listed.words("monday tuesday wednesday thursday friday saturday sunday")
# Clauses by the word that opens them: {word: role}.
MARKS = {
    "if": ":condition", "unless": ":condition", "because": ":cause", "since": ":cause",
    "although": ":concession", "though": ":concession", "while": ":time",
    "when": ":time", "whenever": ":time", "before": ":time", "after": ":time",
    "until": ":time", "till": ":time", "as": ":time", "once": ":time",
    "so": ":purpose", "to": ":purpose", "by": ":manner", "without": ":manner",
    "despite": ":concession", "in": ":time", "for": ":purpose", "from": ":ARG2",
    "whereas": ":concession", "where": ":location", "like": ":manner",
}  # fmt: skip
# Words that stand between: `:time (a / after :op1 x)`.
BETWEEN = listed.words("before after until till since during")
PLACES = listed.words(
    "in at on near inside outside under over behind between above below within "
    "beneath beside around upon among atop off throughout"
)
PLAIN_PLACES = listed.words("in at on within upon throughout inside")
PATHS = listed.words("through across along past via")
