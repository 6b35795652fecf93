"""Tables as HTML. A failure means that a heading is lost or stands over the wrong
column."""

from html.parser import HTMLParser

from common.contract import Table
from launch.reports.tables import grouped, html_table


class Cells(HTMLParser):
    """The grid of a table's texts, cells that span several places repeated."""

    def __init__(self, text):
        super().__init__()
        self.rows = []
        self._waiting = {}  # cells of the rows below that a cell above takes
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._at = {"text": "", **dict(attributes)}

    def handle_data(self, data):
        if hasattr(self, "_at"):
            self._at["text"] += data

    def handle_endtag(self, tag):
        if tag not in ("td", "th"):
            return
        row = len(self.rows) - 1
        while (row, len(self.rows[row])) in self._waiting:
            self.rows[row].append(self._waiting.pop((row, len(self.rows[row]))))
        for _ in range(int(self._at.get("colspan", 1))):
            if "rowspan" in self._at:
                self._waiting[row + 1, len(self.rows[row])] = self._at["text"]
            self.rows[row].append(self._at["text"])
        del self._at


def test_what_neighbours_share_is_said_once():
    names = ["run", "one: AP", "one: AP50", "ten: AP", "ten: AP50", "node P", "node R"]
    assert grouped([*names, "node F1", "train loss", "train error", "n, all"]) == [
        ("", ["run"]),
        ("one", ["AP", "AP50"]),
        ("ten", ["AP", "AP50"]),
        ("node", ["P", "R", "F1"]),
        ("", ["train loss"]),  # two that share a word are no group
        ("", ["train error"]),
        ("", ["n, all"]),
    ]
    assert grouped(["AP", "AP", "AP"]) == [("", ["AP"])] * 3


def test_each_heading_stands_over_its_column():
    columns = ["run", "one: AP", "one: AP50", "seconds", "ten: AP", "ten: AP50"]
    row = ["a", 1, 2, 3, 4, 5]
    above, below, cells = Cells(html_table(Table(columns, [row]))).rows
    assert above == ["run", "one", "one", "seconds", "ten", "ten"]
    assert below == ["run", "AP", "AP50", "seconds", "AP", "AP50"]
    assert cells == [str(cell) for cell in row]


def test_a_table_of_sentences_names_each_cell_for_narrow_screens():
    text = "a sentence that is far too long for one line"
    table = html_table(Table(["claim", "here"], [[text, text + "<b>"]]))
    assert 'class="list"' in table
    assert 'data-label="claim"' in table
    assert "<b>" not in table
    assert "data-label" not in html_table(Table(["claim", "here"], [[text, 1]]))


def test_a_table_without_rows_keeps_its_headings():
    assert Cells(html_table(Table(["a", "b"], []))).rows == [["a", "b"]]
