"""The commonest words of English, which every text has."""

from papers.amr_summarization import listed

SMALL_WORDS = listed.words(
    "a an the of in on at to for from by with and or but not no is are was were be "
    "been being am do does did have has had will would can could may might must shall "
    "should it its he she they them his her their him i you we us our your my me this "
    "that these those there here as if than then so such which who whom whose what "
    "when where how why all any each other some more most also only very into over "
    "after before between during about against under again out up down off because "
    "while until both few own same too just"
)
