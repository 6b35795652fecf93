"""What the paper claims, and what of it holds here."""

from collections.abc import Iterator, Mapping

from common.contract import Claim
from papers.captioning.differences import Difference, difference
from papers.captioning.measure import Measured
from papers.captioning.paper_results import ENCODERS, NEURALTALK2_CIDER

Rows = Mapping[str, Measured]
STARTS = ("", "_warm")  # endings of runs that are compared: drawn, and of stage 2
# A run, what it is compared with, the claim, and what is reported.
_PAIRS = (
    (
        "img_glstm",
        "nt2",
        "the image at every step is better than at the first step only",
        "img-gLSTM is compared with NT2 (no numbers with the code)",
    ),
    (
        "td_sentence",
        "nt2",
        "text-conditional attention is ahead of NeuralTalk2",
        f"CIDEr {ENCODERS['VGG-16'].cider:.1f}, NeuralTalk2 about "
        f"{NEURALTALK2_CIDER:.0f} (COCO, VGG-16)",
    ),
    (
        "td_sentence",
        "img_glstm",
        "a guidance that depends on the text is better than the image alone",
        "td-gLSTM is compared with img-gLSTM (no numbers with the code)",
    ),
    (
        "td_2gram",
        "td_sentence",
        "the last words are a better guide than the whole sentence",
        "n-grams are ahead (no numbers); the released models use the sentence",
    ),
    (
        "td_2gram",
        "td_1gram",
        "one word does not exploit the attention: more do",
        "one word does not (no numbers with the code)",
    ),
)


def of(rows: Rows, said: str) -> Iterator[Claim]:
    """The claims that these runs can tell of.

    Args:
      said: which data, in words.
    """
    for name, other, claim, there in _PAIRS:
        for start in STARTS:
            one, two = f"{name}{start}", f"{other}{start}"
            if _comparable(rows, one, two):
                yield _claim(rows[one], rows[two], claim, there, said)
                break
    for name in rows:
        frozen = f"{name}_frozen"
        if _comparable(rows, name, frozen):
            yield _claim(
                rows[name],
                rows[frozen],
                "the image encoder matters",
                "CIDEr "
                + ", ".join(f"{x.cider:.1f} with {n}" for n, x in ENCODERS.items())
                + " (COCO)",
                f"{said}; fine-tuned against frozen encoder",
            )
            break


def _comparable(rows: Rows, name: str, other: str) -> bool:
    return {name, other} <= rows.keys() and (
        len(rows[name].seeds) == len(rows[other].seeds)
    )


def _claim(one: Measured, other: Measured, claim: str, there: str, said: str) -> Claim:
    found = difference(one, other)
    here = (
        f"CIDEr-D {one.mean('CIDEr-D'):.1f}, {other.name} {other.mean('CIDEr-D'):.1f}; "
        f"nll {one.mean('nll'):.4f}, {other.mean('nll'):.4f} ({said}; {_errors(found)})"
    )
    return Claim(claim, there, here, found.better)


def _errors(d: Difference) -> str:
    return (
        f"differences {d.cider:+.1f} ± {d.cider_error:.1f} and {d.nll:+.4f} ± "
        f"{d.nll_error:.4f}"
    )
