"""The file tokenizer.json, where it holds the vocabulary of GPT or of GPT-2."""

from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers
from tokenizers import pre_tokenizers as rules

from common.contract import UserError
from common.text.byte_bpe import PATTERN, ByteBPE
from common.text.merges import Pair
from common.text.word_bpe import UNK, WORD_END, WordBPE


def read(fields: dict[str, Any]) -> tuple[dict[str, int], list[Pair], set[str]]:
    """The ids of tokens, the merges, and the tokens that stand beside them. UserError:
    it is another kind of tokeniser, or it changes or cuts text otherwise."""
    try:
        return _read(fields)
    except UserError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(
            f"it is no tokenizer.json ({type(error).__name__}: {error})"
        ) from None


def _read(fields: dict[str, Any]) -> tuple[dict[str, int], list[Pair], set[str]]:
    model = fields["model"]
    if not {"vocab", "merges"} <= model.keys():
        raise UserError("its model has no merges: only BPE is read")
    for option in ("dropout", "continuing_subword_prefix", "byte_fallback"):
        if model.get(option):
            raise UserError(f"BPE with {option}={model[option]!r} is not read")
    suffix = model.get("end_of_word_suffix") or ""
    if suffix not in ("", WORD_END):
        raise UserError(f"words that end in {suffix!r} are not read: give {WORD_END}")
    if not suffix:
        _refuse_other_rules(fields)
    added = {token["content"]: token["id"] for token in fields.get("added_tokens", ())}
    pairs = [
        tuple(merge.split(" ") if isinstance(merge, str) else merge)
        for merge in model["merges"]
    ]
    for left, right in pairs:
        left + right  # a TypeError for what is no pair of strings
    return dict(model["vocab"]) | added, pairs, {*added}


def _refuse_other_rules(fields: dict[str, Any]) -> None:
    """UserError: text is changed, or cut otherwise than GPT-2's is."""
    if normalizer := fields.get("normalizer"):
        raise UserError(
            f"it changes text by {normalizer['type']}; GPT-2's keeps it as it is"
        )
    rule = fields.get("pre_tokenizer") or {}
    steps = rule.get("pretokenizers", [rule])
    match [step.get("type") for step in steps]:
        case ["ByteLevel"]:
            right = steps[0].get("use_regex", True)
        case ["Split", "ByteLevel"]:
            right = steps[0]["pattern"].get("Regex") == PATTERN
            right = right and not steps[1].get("use_regex", True)
        case _:
            right = False
    if not right:
        raise UserError("it cuts text by other rules than GPT-2's pattern")
    if steps[-1].get("add_prefix_space"):
        raise UserError("it puts a space before each text (add_prefix_space)")


def text(vocab: ByteBPE | WordBPE) -> str:
    """The JSON of a vocabulary."""
    ids = {token: i for i, token in enumerate(vocab.tokens)}
    if vocab.unit == WordBPE.unit:
        library = Tokenizer(
            models.BPE(
                ids, list(vocab.merges), unk_token=UNK, end_of_word_suffix=WORD_END
            )
        )
        library.normalizer = normalizers.BertNormalizer(lowercase=True)
        library.pre_tokenizer = rules.BertPreTokenizer()
        library.decoder = decoders.BPEDecoder(WORD_END)
    else:
        library = Tokenizer(models.BPE(ids, list(vocab.merges)))
        library.pre_tokenizer = rules.ByteLevel(add_prefix_space=False)
        library.decoder = decoders.ByteLevel()
    library.add_special_tokens([AddedToken(mark, special=True) for mark in vocab.marks])
    return library.to_str()
