"""Tables in notebooks. A failure means that text of a cell becomes markup."""

from common.contract import Table


def test_a_notebook_shows_a_table_with_numbers_on_the_right():
    html = Table(
        ("run", "loss"), [["a<b", 0.5], ["c", None]], "nats & bits"
    )._repr_html_()
    assert html.count("<tr>") == 3
    assert '<td style="text-align:left">a&lt;b</td>' in html
    assert '<td style="text-align:right">0.5000</td>' in html
    assert "<p>nats &amp; bits</p>" in html
