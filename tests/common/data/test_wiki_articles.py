"""If these fail, summaries and distant labels are made from markup."""

from common.data import wiki_articles


def test_articles_are_prose_with_a_lead_and_links():
    articles = wiki_articles.articles()
    by_title = {article.title: article for article in articles}
    assert len(articles) > 90
    anarchism = by_title["Anarchism"]
    assert anarchism.lead.startswith("Anarchism is a political philosophy that")
    assert ("political philosophy", "political philosophy") in anarchism.links
    assert sum(len(a.lead) + len(a.body) for a in articles) > 2_000_000
    assert "AccessibleComputing" not in by_title  # a redirect
    for article in articles:
        text = article.lead + article.body
        for mark in ("[[", "{{", "<ref", "'''", "&nbsp;", "|"):
            assert mark not in text


def test_markup_leaves_what_a_reader_sees():
    links: list[tuple[str, str]] = []
    text = (
        "'''Rome''' ({{lang-x|y}}; , Roma ,) is {{convert|1285|km2}} <!-- a -->"
        "large<ref>b</ref>, in [[Italy]] and its "
        "[[region (x)#y|region]]s; see [http://x.y the page].\n* a list of "
        "four words\n[[File:a.jpg|thumb|a [[link]] in it]]"
    )
    text = wiki_articles._plain(wiki_articles._without_blocks(text), links)
    assert text == (
        "Rome (Roma) is 1285 km2 large, in Italy and its regions; see the page."
    )
    assert links == [("Italy", "Italy"), ("regions", "region (x)")]


def test_news_are_the_stories_of_both_files():
    assert len(wiki_articles.news()) == 350
