"""Tasks that generate text. A failure means that an answer is cut, compared or averaged
otherwise than the set's own script does."""

import json

import pytest
import tensorflow_datasets as tfds

from common.contract import UserError
from papers.gpt2.zero_shot import conversation, questions, summaries, translation
from papers.gpt2.zero_shot.answers import against_people, exact, f1, normalised
from papers.gpt2.zero_shot.summaries import Article
from papers.gpt2.zero_shot.translation import Pair
from tests.papers.gpt2.table_model import TableModel


def test_answers_are_compared_without_case_punctuation_and_articles():
    assert normalised(" The  cat's, an  Animal! ") == "cats animal"
    assert exact("A cat.", "cat") == 1
    assert f1("the black cat sat", "a cat") == pytest.approx(2 * 1 / (3 + 1))
    assert f1("no no", "no") == pytest.approx(2 / 3)
    assert (f1("the", "a"), f1("the", "cat")) == (1, 0)


def test_several_people_are_compared_as_each_with_the_others():
    """Against a, a, b the answer a: without an a there is another, without b too."""
    assert against_people(exact, "a1", ["a1", "a1", "b"]) == 1
    assert against_people(exact, "b", ["a1", "a1", "b"]) == pytest.approx(2 / 3)
    assert against_people(exact, "b", ["b"]) == 1


def coqa(answers=("white", "no"), additional=(("White", "No."),)):
    story = {
        "story": "A cat was white.",
        "questions": [{"input_text": "What colour?"}, {"input_text": "Big?"}],
        "answers": [{"input_text": text} for text in answers],
    }
    if additional:
        story["additional_answers"] = {
            str(i): [{"input_text": text} for text in each]
            for i, each in enumerate(additional)
        }
    return story


def test_coqa_asks_after_the_story_and_the_answers_of_people(tmp_path):
    stories = [coqa(), coqa(answers=("white",)), {"story": "x"}]
    path = tmp_path / "coqa-dev-v1.0.json"
    path.write_text(json.dumps({"version": "1.0", "data": stories}))
    found = conversation.read(tmp_path)
    assert [turn.answers for turn in found.items] == [("white", "White"), ("no", "No.")]
    assert found.skipped == (
        "coqa-dev-v1.0.json, story 2: 2 questions have other numbers of answers",
        "coqa-dev-v1.0.json, story 3: no 'questions' of type list",
    )
    fake = TableModel(
        answers=lambda prompt: " White\nQ: no" if "Big" not in prompt else " not big",
        context_length=120,
    )
    scores = conversation.score(fake.model(), found.items)
    assert fake.prompts[1] == (
        "A cat was white.\n\nQ: What colour?\nA: white\nQ: Big?\nA:"
    )
    assert scores == {"f1": 0.5, "exact_match": 0.5, "cropped": 0, "items": 2}
    short = TableModel(context_length=80)
    assert conversation.score(short.model(), found.items)["cropped"] == 1
    assert short.prompts[1].endswith("Q: What colour?\nA: white\nQ: Big?\nA:")


def test_unusable_coqa_is_one_line(tmp_path):
    path = tmp_path / "coqa-dev-v1.0.json"
    for text, says in (("[]", "no list 'data'"), ('{"data": [1]}', "no object")):
        path.write_text(text)
        with pytest.raises(UserError, match=says):
            conversation.read(tmp_path)


def test_both_layouts_of_natural_questions(tmp_path):
    rows = [{"question": "who", "answer": ["Bob", "Al"]}, {"question": "who"}]
    path = tmp_path / "nq-open.dev.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "nq-open.train.jsonl").write_text("no JSON")
    found = questions.read(tmp_path)
    assert found.items == (questions.Question("who", ("Bob", "Al")),)
    assert found.skipped == (f"{path.name}, line 2: the answers are no list of texts",)
    path = tmp_path / "nq-test.tsv"
    path.write_text("who\t['Bob', \"Al\"]\nwhere\tRome\nwhat\t[1]\nno\nwhat\t[x\n")
    found = questions.read(path)
    assert [each.answers for each in found.items] == [("Bob", "Al"), ("Rome",)]
    assert len(found.skipped) == 3


def test_confidence_is_the_probability_of_the_whole_answer():
    """The wrong answer "x" is likelier than the right "yy"; 1% of 2 is 1 question."""
    items = [questions.Question(f"q{i}", ("yy",)) for i in range(3)]
    table = {":": {" ": 0.9}, " ": {"x": 0.8, "y": 0.1}, "x": {"\n": 0.9}}
    answers = {"q1": "x\nQ: more", "q2": " YY. "}
    fake = TableModel(
        (),
        table,
        context_length=60,
        answers=lambda prompt: answers[prompt[-5:-3]],
    )
    found = questions.score(fake.model(), items, shots=1)
    assert fake.prompts[0] == "Q: q0\nA: yy\nQ: q1\nA:"
    assert found["exact_match"] == 0.5
    assert found["exact_match_confident"] == 0
    assert found["items"] == 2
    with pytest.raises(UserError, match="3 questions are too few after 3 examples"):
        questions.score(fake.model(), items, shots=3)


STORY = "First one. Second one.\n\nThird one. Fourth.\n\n@highlight\n\nGood\n\n"


def test_articles_in_stories_and_in_json_lines(tmp_path):
    (tmp_path / "b.story").write_text(STORY + "@highlight\n\nVery\ngood\n")
    (tmp_path / "a.story").write_text(STORY)
    (tmp_path / "c.story").write_text("No highlight")
    (tmp_path / "d.story").write_bytes(b"caf\xe9" + STORY.encode())
    found = summaries.read(tmp_path)
    body = "First one. Second one.\n\nThird one. Fourth."
    assert found.items == (Article(body, "Good"), Article(body, "Good\nVery good"))
    assert found.skipped[0] == "c.story: no highlights"
    assert "is not UTF-8" in found.skipped[1]
    assert len(summaries.read(tmp_path, count=1).items) == 1
    folder = tmp_path / "lines"
    folder.mkdir()
    line = json.dumps({"article": body, "highlights": "Good"})
    (folder / "test.jsonl").write_text(f"{line}\n{{}}\n{line}\n")
    (folder / "cnn").mkdir()
    (folder / "cnn" / "test.jsonl").write_text(line)
    assert len(summaries.read(folder).items) == 1
    found = summaries.read(folder / "test.jsonl")
    assert found.items == (Article(body, "Good"),) * 2
    assert found.skipped == ("test.jsonl, line 2: no 'article' of type str",)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no CNN/Daily Mail articles"):
        summaries.read(tmp_path / "empty")


class CnnDailymail(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        text = tfds.features.Text()
        features = tfds.features.FeaturesDict({"article": text, "highlights": text})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples() for name in ("train", "test")}

    def _generate_examples(self):
        for i in range(3):
            yield i, {"article": f"Text {i}.", "highlights": "Good"}


def test_articles_of_a_prepared_tfds_set(tmp_path):
    CnnDailymail(data_dir=tmp_path, file_format="array_record").download_and_prepare()
    found = summaries.read(tmp_path, count=2)
    assert len(found.items) == 2
    assert {*found.items} < {Article(f"Text {i}.", "Good") for i in range(3)}


def test_three_sentences_after_the_hint_are_the_summary():
    text = " One two. Three. Four five. Six."
    fake = TableModel(answers=lambda prompt: text, context_length=130)
    articles = [Article("Body", "One two.\nThree.\nFour five.")]
    found = summaries.score(fake.model(), articles)
    assert fake.prompts == ["Body\nTL;DR:"]
    assert found == pytest.approx(
        {"rouge_1": 100, "rouge_2": 100, "rouge_l": 100, "items": 1, "cropped": 0}
    )
    long = [Article("x" * 100, "One")]
    assert summaries.score(fake.model(), long)["cropped"] == 1
    assert fake.prompts[1] == "x" * 23 + "\nTL;DR:"
    assert summaries.score(fake.model(), long, length=20)["cropped"] == 0


def test_the_baselines_take_three_sentences_of_the_article():
    articles = [Article("Aa bb. Cc. Dd. Ee ff gg.", "Aa bb. Cc. Dd.")]
    assert summaries.lead(articles)["rouge_1"] == pytest.approx(100)
    drawn = {summaries.random_three(articles, seed=s)["rouge_1"] for s in range(9)}
    assert len(drawn) > 1
    again = [summaries.random_three(articles, seed=3)["rouge_1"] for _ in range(2)]
    assert again[0] == again[1]


SGM = '<refset><doc><seg id="1">{}</seg>\n<seg id="2"> {} </seg></doc></refset>'


def test_three_layouts_of_translations(tmp_path):
    pairs = (Pair("a & b", "c"), Pair("d", "e"))
    sgm = tmp_path / "sgm"
    sgm.mkdir()
    name = "newstest2014-fren"
    (sgm / f"{name}-src.en.sgm").write_text(SGM.format("a &amp; b", "d"))
    (sgm / f"{name}-ref.fr.sgm").write_text(SGM.format("c", "e"))
    (sgm / f"{name}-src.fr.sgm").write_text(SGM.format("c", "e"))
    assert translation.read(sgm) == (pairs, ())
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "newstest2014.en").write_text("a & b\n\nd\n")
    (plain / "newstest2014.fr").write_text("c\nx\ne\n")
    found = translation.read(plain)
    assert found.items == pairs
    assert found.skipped == ("newstest2014.en, sentence 2: an empty side",)
    assert translation.read(plain, "fr", "en").items[0] == Pair("c", "a & b")
    (tmp_path / "pairs.tsv").write_text("a & b\tc\nd\te\nx\t\n")
    assert translation.read(tmp_path / "pairs.tsv").items == pairs
    table = tmp_path / "table"
    table.mkdir()
    (table / "nq.tsv").write_text("who\tBob\n")
    with pytest.raises(UserError, match="no en-fr newstest"):
        translation.read(table)
    (table / "en-fr.tsv").write_text("a & b\tc\nd\te\n")
    assert translation.read(table) == (pairs, ())
    turned = tuple(Pair(*pair[::-1]) for pair in pairs)
    assert translation.read(table, "fr", "en") == (turned, ())
    (plain / "newstest2014.fr").write_text("c\n")
    with pytest.raises(
        UserError, match=r"'newstest2014.en' has 3, 'newstest2014.fr' 1"
    ):
        translation.read(plain)
    with pytest.raises(UserError, match="no en-de newstest"):
        translation.read(plain, "en", "de")


def test_bleu_of_the_first_sentence_after_examples():
    pairs = [Pair("one two", "un deux"), Pair("x", "le chat est sur le tapis.")]
    told = " le chat est sur le tapis. Et toi ?\nx = y"
    fake = TableModel(answers=lambda prompt: told, context_length=200)
    found = translation.score(fake.model(), pairs, shots=1)
    assert fake.prompts == ["one two = un deux\nx ="]
    assert found["bleu"] == pytest.approx(100)
    assert translation.bleu(["the the the the"], ["the cat is here"]) < 20
    with pytest.raises(UserError, match="2 pairs are too few"):
        translation.score(fake.model(), pairs, shots=2)
