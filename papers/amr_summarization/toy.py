"""Three small documents with trees, graphs by hand and a summary each.

AMR's corpora may not be handed on. These are enough to see every step at work.
"""

import functools

from papers.amr_summarization import penman_documents
from papers.amr_summarization.documents import Document

PENMAN = """
# ::id bridge.1 ::snt-type summary
# ::snt The storm closed the bridge .
(c / close-01~e.2 :ARG0 (s / storm~e.1) :ARG1 (b / bridge~e.4))

# ::id bridge.2 ::snt-type body
# ::snt A storm closed the old bridge in Lund .
(c / close-01~e.2
    :ARG0 (s / storm~e.1)
    :ARG1 (b / bridge~e.5
        :mod (o / old~e.4)
        :location (c2 / city :name (n / name :op1 "Lund"~e.7))))

# ::id bridge.3 ::snt-type body
# ::snt The storm did not hurt anyone .
(h / hurt-01~e.4
    :polarity -~e.3
    :ARG0 (s / storm~e.1)
    :ARG1 (a / anyone~e.5))

# ::id bridge.4 ::snt-type body
# ::snt Workers who repaired the bridge praised Mayor Eva Berg .
(p / praise-01~e.5
    :ARG0 (p2 / person~e.0
        :ARG0-of (w / work-01~e.0)
        :ARG0-of (r / repair-01~e.2
            :ARG1 (b / bridge~e.4)))
    :ARG1 (p3 / person
        :name (n / name :op1 "Eva"~e.7 :op2 "Berg"~e.8)
        :ARG0-of (h / have-org-role-91 :ARG2 (m / mayor~e.6))))

# ::id bridge.5 ::snt-type body
# ::snt Berg opened the bridge in May .
(o / open-01~e.1
    :ARG0 (p / person :name (n / name :op1 "Berg"~e.0))
    :ARG1 (b / bridge~e.3)
    :time (d / date-entity~e.5 :month 5))

# ::id wolf.1 ::snt-type summary
# ::snt The farmer caught the wolf .
(c / catch-01~e.2
    :ARG0 (p / person~e.1 :ARG0-of (f / farm-01~e.1))
    :ARG1 (w / wolf~e.4))

# ::id wolf.2 ::snt-type body
# ::snt A wolf killed ten sheep on a farm near Oslo .
(k / kill-01~e.2
    :ARG0 (w / wolf~e.1)
    :ARG1 (s / sheep~e.4 :quant 10~e.3)
    :location (f / farm~e.7
        :location (n / near~e.8
            :op1 (c / city :name (n2 / name :op1 "Oslo"~e.9)))))

# ::id wolf.3 ::snt-type body
# ::snt The farmer wanted to catch the wolf .
(w / want-01~e.2
    :ARG0 (p / person~e.1 :ARG0-of (f / farm-01~e.1))
    :ARG1 (c / catch-01~e.4
        :ARG0 p
        :ARG1 (w2 / wolf~e.6)))

# ::id wolf.4 ::snt-type body
# ::snt Snow helped the farmer find the wolf .
(h / help-01~e.1
    :ARG0 (s / snow~e.0)
    :ARG1 (f / find-01~e.4
        :ARG0 (p / person~e.3 :ARG0-of (f2 / farm-01~e.3))
        :ARG1 (w / wolf~e.6))
    :ARG2 p)

# ::id vote.1 ::snt-type summary
# ::snt The ABC-CBN News union ended its strike .
(e / end-01~e.4
    :ARG0 (u / union~e.3
        :mod (p / publication
            :name (n / name :op1 "ABC-CBN"~e.1 :op2 "News"~e.2)))
    :ARG1 (s / strike-02~e.6 :ARG0 u))

# ::id vote.2 ::snt-type body
# ::snt The union of ABC-CBN News began a strike on Monday .
(b / begin-01~e.5
    :ARG0 (u / union~e.1
        :poss (p / publication
            :name (n / name :op1 "ABC-CBN"~e.3 :op2 "News"~e.4)))
    :ARG1 (s / strike-02~e.7 :ARG0 u)
    :time (d / date-entity :weekday (m / monday~e.9)))

# ::id vote.3 ::snt-type body
# ::snt ABC-CBN offered the union more pay .
(o / offer-01~e.1
    :ARG0 (p / publication :name (n / name :op1 "ABC-CBN"~e.0))
    :ARG1 (p2 / pay-01~e.5 :mod (m / more~e.4))
    :ARG3 (u / union~e.3))

# ::id vote.4 ::snt-type body
# ::snt The union ended the strike because members voted to accept the offer .
(e / end-01~e.2
    :ARG0 (u / union~e.1)
    :ARG1 (s / strike-02~e.4 :ARG0 u)
    :cause (v / vote-01~e.7
        :ARG0 (p / person~e.6 :ARG1-of (h / have-org-role-91 :ARG2 (m / member~e.6)))
        :ARG1 (a / accept-01~e.9
            :ARG0 p
            :ARG1 (o / offer-01~e.11))))
"""


@functools.cache
def made() -> tuple[Document, ...]:
    """The documents, with trees by the chunk parser."""
    from common.text import chunk_parser

    return penman_documents.of_penman("toy", PENMAN, chunk_parser.parse)
