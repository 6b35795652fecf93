"""Which frame of PropBank a word is, as far as lists and endings tell.

AMR has no verbs and nouns but frames: "the destruction of the city" is destroy-01. The
lists hold the commonest words; every other verb is taken to be its first sense.
"""

import functools

from common.text import tagging
from papers.amr_summarization.rules import listed
from papers.amr_summarization.rules.lemmas import is_verb

# Frames whose commonest sense is another than -01.
_SENSES = """
go-02 have-03 leave-11 win-01 lose-02 run-02 lead-02 bear-02 develop-02 charge-05
feel-02 like-02 meet-03 set-02 play-01 sell-01 hit-02 miss-02 pass-03 cover-02 claim-01
draw-02 raise-02 reach-01 return-01 serve-01 cut-02 head-02 break-01 turn-01 hold-04
settle-03 release-01 clear-03 appear-02 depart-01 fly-01 stay-01 remain-01 stand-04
do-02 look-01 get-05 get-01 watch-01 fit-06 order-02 treat-03 date-02 matter-01 sound-02
taste-01 smell-01 sweep-06 grow-01 rule-03 record-01
"""
# Nouns that name what their verb does.
_EVENTS = """
destruction destroy; arrival arrive; departure depart; decision decide; belief believe;
discovery discover; death die; birth bear-02; agreement agree; statement state; proposal
propose; refusal refuse; denial deny; approval approve; arrest arrest; murder murder;
attack attack; protest protest; opinion opine; fear fear; hope hope; desire desire; love
love; hatred hate; knowledge know; thought think; growth grow; failure fail; success
succeed; defeat defeat; victory win; loss lose-02; use use; visit visit; travel travel;
marriage marry; conquest conquer; invasion invade; defence defend; defense defend;
response respond; reply reply; request request; demand demand; offer offer; warning
warn; threat threaten; promise promise; plan plan; attempt attempt; effort effort;
support support; opposition oppose; resistance resist; trial try-02; investigation
investigate; election elect; explosion explode; meeting meet-03; shooting shoot-02;
killing kill; bombing bomb; fighting fight; change change; increase increase; decrease
decrease; rise rise; fall fall; end end; start start; beginning begin; advice advise;
analysis analyze; description describe; explanation explain; comparison compare; choice
choose; sale sell; purchase purchase; gift give; help help; assistance assist; treatment
treat-03; movement move; flight fly; speech speak; conversation converse; discussion
discuss; debate debate; talk talk; report report; announcement announce; publication
publish; revolution revolution; revolt revolt; rebellion rebel; escape escape; rescue
rescue; search search; need need; doubt doubt; suspicion suspect; proof prove; pain
pain; laughter laugh; adjustment adjust; settlement settle-03; exploration explore;
creation create; production produce; construction construct; comment comment; complaint
complain; operation operate; negotiation negotiate; expansion expand; reduction reduce;
cooperation cooperate; competition compete; participation participate; crime crime;
accusation accuse; allegation allege; intention intend; expectation expect; information
inform; question question; order order-01; work work; journey journey; answer answer;
thirst thirst; salute salute; walk walk; sigh sigh-02; mistake mistake-02; dream dream;
teaching teach; training train; drinking drink; intoxication intoxicate
"""
# Adjectives that are frames.
_ADJECTIVES = """
possible likely probable sure certain-02 able:possible sad-02 happy-01 angry:anger
afraid:fear worried:worry responsible-02 dead:die alive:live ready-02 free-04
available-02 necessary:need important-01 different-02 similar:resemble same-01 equal-01
true-01 right-02 wrong-02 good-02 bad-07 hard-02 easy-05 difficult clear-06 guilty-01
innocent-01 safe-01 aware-01 capable-01 willing:will proud-02 sick-05 ill-01 famous-01
near-02 white-03 red-02 black-04 green-02 blue-01 thin-03 long-03 fast-02 slow-05
full-09 clean-04 open-02 closed:close comfortable-02 attractive:attract
edible:eat obligatory:obligate opposed:oppose harmful:harm effective-04 common-04
beautiful-02 strong-02 useful-05 interested:interest married:marry
born:bear-02 known:know busy-01 real-04 simple-02 quick-02 reasonable-02 weak-02
deep-02 brilliant-02 glad-02 fresh-04 complete-02 unique-01 single-02 sweet-03
perfect-02 rare-02 powerful-02 polite-01 high-02 bright-03 wonderful-03 empty-02
terrible-01 new-01 yellow-02 sorry-01 serious-01 false-01 accurate-01
conscious-02 separate-02 rapid-01 typical-02 current-02 valid-02 mature-02
"""
# Nouns in -er and -or that are no persons who do what their verb says, and persons in
# other endings.
_NO_AGENTS = listed.words(
    "computer counter container tower meter layer poster order offer number letter "
    "matter river summer winter master father mother brother sister paper power "
    "water center border shoulder finger corner quarter chapter drawer sewer fever "
    "feather weather leather daughter laughter slaughter disaster monster minister "
    "officer member september october november december former other either under "
    "over after never ever however together factor doctor actor sector motor mirror "
    "error terror major minor color colour honor harbor humor tutor author cover "
    "tanker bomber fighter cancer dinner user manner server ladder butter"
)
_AGENTS = {
    "lawyer": "", "leader": "lead-02", "fighter": "fight-01", "author": "author-01",
    "player": "play-01", "employee": "", "actor": "act-01", "immigrant": "immigrate-01",
    "student": "study-01", "scientist": "", "assistant": "assist-01",
    "resident": "reside-01",
    "participant": "participate-01", "inhabitant": "inhabit-01", "user": "use-01",
    "professor": "", "director": "direct-01", "editor": "edit-01",
    "criminal": "", "thief": "thieve-01", "spy": "spy-01", "coach": "coach-01",
}  # fmt: skip
_NO_EVENTS = listed.words(
    "nation station mission question section million region religion fashion "
    "organization organisation position condition version division population "
    "institution constitution tradition situation generation edition commission "
    "session television union opinion corporation vision fraction portion "
    "association administration foundation legislation motion option action "
    "profession education passion caution"
)


@functools.cache
def _senses() -> dict[str, str]:
    return {frame.rpartition("-")[0]: frame for frame in _SENSES.split()}


def of_verb(lemma: str, particle: str = "") -> str:
    """The frame of a verb, such as "go-02"; with a particle "give-up-01"."""
    if particle:
        return f"{lemma}-{particle}-01"
    return _senses().get(lemma, f"{lemma}-01")


def sense(stem: str) -> str:
    """The frame of a stem that may name its sense: "bear-02", "eat"."""
    return stem if stem[-3:-2] == "-" and stem[-2:].isdigit() else of_verb(stem)


@functools.cache
def _events() -> dict[str, str]:
    return dict(entry.split() for entry in _EVENTS.split(";"))


@functools.cache
def _adjectives() -> dict[str, str]:
    found = {}
    for entry in _ADJECTIVES.split():
        word, _, frame = entry.partition(":")
        bare = word[:-3] if word[-3:-2] == "-" else word
        found[bare] = frame or word
    return found


@functools.lru_cache(1 << 14)
def of_noun(lemma: str) -> str:
    """The frame of a noun that names an event, or ""."""
    known = _events().get(lemma)
    if known:
        return sense(known)
    if lemma in _NO_EVENTS:
        return ""
    for ending, backs in (("ation", ("e", "")), ("ion", ("e", "")), ("ment", ("",))):
        stem = lemma.removesuffix(ending)
        if stem != lemma and len(stem) > 3:
            for back in backs:
                if is_verb(stem + back):
                    return of_verb(stem + back)
    return ""


@functools.lru_cache(1 << 14)
def of_adjective(lemma: str) -> str:
    """The frame of an adjective, or ""."""
    known = _adjectives().get(lemma)
    if known:
        frame = sense(known)
        return frame
    stem = lemma.removesuffix("able")
    if stem != lemma and len(stem) > 2:
        for verb in (stem, stem + "e"):
            if is_verb(verb):
                return f"possible-01 {of_verb(verb)}"
    return ""


@functools.lru_cache(1 << 14)
def of_agent(lemma: str) -> str:
    """The frame of what a person in -er or -or does: "teacher" as "teach-01", or ""."""
    if lemma in _AGENTS:
        return _AGENTS[lemma]
    if lemma in _NO_AGENTS or not lemma.endswith(("er", "or")):
        return ""
    stem = lemma[:-2]
    forms = [stem, stem + "e"]
    if len(stem) > 2 and stem[-1] == stem[-2]:
        forms.append(stem[:-1])
    if stem.endswith("i"):
        forms.append(stem[:-1] + "y")
    for form in forms:
        if len(form) > 2 and is_verb(form):
            return of_verb(form)
    return ""


def of_adverb(lemma: str) -> str:
    """The adjective of an adverb in -ly: "quickly" as "quick"; "early" is its own."""
    own = tagging.known(lemma).startswith("JJ")
    if own or not lemma.endswith("ly") or len(lemma) < 5:
        return lemma
    for form in (lemma[:-2], lemma[:-2] + "le", lemma[:-3] + "y", lemma[:-4]):
        if tagging.known(form).startswith("JJ"):
            return form
    return lemma[:-2]


MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August",
          "September", "October", "November", "December")  # fmt: skip


def stem(concept: str) -> str:
    """A concept without its sense: "give-up-02" as "give-up"."""
    numbered = concept[-3:-2] == "-" and concept[-2:].isdigit()
    return concept[:-3] if numbered else concept


@functools.cache
def _nouns() -> dict[str, str]:
    found: dict[str, str] = {}
    for noun, frame in _events().items():
        found.setdefault(sense(frame), noun)
    return found


def noun(concept: str) -> str:
    """A concept as a noun or an adjective: "destroy-01" as "destruction"."""
    return _nouns().get(concept, stem(concept).replace("-", " "))
