"""The clauses and phrases in which facts of films are written.

Slots: {person}, {film}, {company}, {country}, {language}; {twin}, {earlier}, {later}
(other films, by their year), {stranger} (another person); {year} and {years}, which are
numbers. A slot without arc is the root. Templates are read by `grammar.read`.
"""

# What each relation leads from and to.
RELATIONS = {
    "directed": ("person", "film"),
    "wrote": ("person", "film"),
    "starred_in": ("person", "film"),
    "produced": ("company", "film"),
    "made_in": ("film", "country"),
    "spoken_in": ("language", "film"),
}
KINDS = ("person", "film", "company", "country", "language")

_BY = "by/IN/case/{person} {person}/obl"

# Clauses that say a fact.
CLAUSES = {
    "directed": (
        "{person}/nsubj directed/VBD {film}/obj",
        f"{{film}}/nsubj:pass was/VBD/aux:pass directed/VBN {_BY}",
        "{person}/nsubj was/VBD/cop the/DT/det director/NN of/IN/case/{film} "
        "{film}/nmod",
        "the/DT/det/direction direction/NN/nsubj of/IN/case/{film} "
        "{film}/nmod/direction lay/VBD with/IN/case/{person} {person}/obl",
        "{film}/nsubj was/VBD/cop the/DT/det work/NN of/IN/case/{person} "
        "the#2/DT/det/{person} director/NN/compound/{person} {person}/nmod",
        "{film}/nsubj had/VBD {person}/obj as/IN/case/director "
        "its/PRP$/nmod:poss/director director/NN/obl",
    ),
    "wrote": (
        "{person}/nsubj wrote/VBD {film}/obj",
        f"{{film}}/nsubj:pass was/VBD/aux:pass written/VBN {_BY}",
        "{person}/nsubj was/VBD/cop a/DT/det writer/NN of/IN/case/{film} {film}/nmod",
        "{person}/nsubj wrote/VBD the/DT/det/screenplay screenplay/NN/obj "
        "of/IN/case/{film} {film}/nmod/screenplay",
        "the/DT/det/script script/NN/nsubj of/IN/case/{film} {film}/nmod/script "
        "came/VBD from/IN/case/{person} {person}/obl",
        "{film}/nsubj had/VBD {person}/obj as/IN/case/writer "
        "its/PRP$/nmod:poss/writer writer/NN/obl",
    ),
    "starred_in": (
        "{person}/nsubj starred/VBD in/IN/case/{film} {film}/obl",
        "{film}/nsubj starred/VBD {person}/obj",
        "{person}/nsubj played/VBD a/DT/det/part part/NN/obj in/IN/case/{film} "
        "{film}/nmod/part",
        "the/DT/det/cast cast/NN/nsubj of/IN/case/{film} {film}/nmod/cast "
        "included/VBD {person}/obj",
        "{person}/nsubj was/VBD/cop in/IN/case/cast the/DT/det/cast cast/NN "
        "of/IN/case/{film} {film}/nmod",
        "{film}/nsubj had/VBD {person}/obj in/IN/case/cast its/PRP$/nmod:poss/cast "
        "cast/NN/obl",
    ),
    "produced": (
        "{company}/nsubj produced/VBD {film}/obj",
        "{film}/nsubj:pass was/VBD/aux:pass produced/VBN by/IN/case/{company} "
        "{company}/obl",
        "{company}/nsubj was/VBD/cop a/DT/det producer/NN of/IN/case/{film} "
        "{film}/nmod",
        "{film}/nsubj came/VBD from/IN/case/{company} the/DT/det/{company} "
        "studio/NN/compound/{company} {company}/obl",
    ),
    "made_in": (
        "{film}/nsubj:pass was/VBD/aux:pass made/VBN in/IN/case/{country} "
        "{country}/obl",
        "{film}/nsubj was/VBD/cop a/DT/det film/NN from/IN/case/{country} "
        "{country}/nmod",
        "{film}/nsubj came/VBD from/IN/case/{country} {country}/obl",
        "the/DT/det/country country/NN/nsubj of/IN/case/{film} {film}/nmod/country "
        "is/VBZ/cop {country}",
    ),
    "spoken_in": (
        "{language}/nsubj:pass is/VBZ/aux:pass spoken/VBN in/IN/case/{film} {film}/obl",
        "the/DT/det/characters characters/NNS/nsubj of/IN/case/{film} "
        "{film}/nmod/characters speak/VBP {language}/obj",
        "{language}/nsubj is/VBZ/cop the/DT/det language/NN of/IN/case/{film} "
        "{film}/nmod",
        "{film}/nsubj has/VBZ dialogue/NN/obj in/IN/case/{language} "
        "{language}/nmod/dialogue",
    ),
}

# Phrases that stand behind a noun and say a fact of it: (the noun's slot, template).
PHRASES = {
    "directed": (
        ("person", "the/DT/det director/NN of/IN/case/{film} {film}/nmod"),
        ("film", f"directed/VBN {_BY}"),
        (
            "film",
            "whose/WP$/nmod:poss/director director/NN/nsubj was/VBD/cop {person}",
        ),
    ),
    "wrote": (
        ("person", "a/DT/det writer/NN of/IN/case/{film} {film}/nmod"),
        ("film", f"written/VBN {_BY}"),
        (
            "film",
            "whose/WP$/nmod:poss/script script/NN/nsubj came/VBD from/IN/case/{person} "
            "{person}/obl",
        ),
    ),
    "starred_in": (
        ("person", "an/DT/det actor/NN in/IN/case/{film} {film}/nmod"),
        (
            "film",
            "whose/WP$/nmod:poss/cast cast/NN/nsubj included/VBD {person}/obj",
        ),
        ("film", "with/IN/case/{person} {person}"),
    ),
    "produced": (
        ("company", "a/DT/det producer/NN of/IN/case/{film} {film}/nmod"),
        ("film", "produced/VBN by/IN/case/{company} {company}/obl"),
    ),
    "made_in": (
        ("film", "a/DT/det film/NN from/IN/case/{country} {country}/nmod"),
        ("film", "made/VBN in/IN/case/{country} {country}/obl"),
    ),
    "spoken_in": (
        (
            "film",
            "whose/WP$/nmod:poss/characters characters/NNS/nsubj speak/VBP "
            "{language}/obj",
        ),
        ("film", "a/DT/det film/NN in/IN/case/{language} {language}/nmod"),
    ),
}

# Phrases behind a noun that say nothing of a pair, and are true all the same.
ASIDES = {
    "film": (
        "which/WDT/nsubj opened/VBD in/IN/case/{year} {year}/obl",
        "which/WDT/nsubj opened/VBD in/IN/case/year the/DT/det/year same/JJ/amod/year "
        "year/NN/obl as/IN/case/{twin} {twin}/nmod/year",
        "released/VBN {years}/nummod/years years/NNS/obl/{later} "
        "before/IN/case/{later} {later}/obl",
        "a/DT/det film/NN of/IN/case/{year} {year}/nmod",
    ),
    "person": (
        "whose/WP$/nmod:poss/name name/NN/nsubj stands/VBZ in/IN/case/lists "
        "many/JJ/amod/lists lists/NNS/obl of/IN/case/films films/NNS/nmod/lists",
        "whose/WP$/nmod:poss/name name/NN/nsubj stands/VBZ beside/IN/case/that "
        "that/DT/obl of/IN/case/{stranger} {stranger}/nmod/that",
    ),
}
# Before or after a clause.
ADVERBIALS = (
    "in/IN/case/{year} {year}",
    "{years}/nummod/years years/NNS/obl/{earlier} after/IN/case/{earlier} {earlier}",
    "in/IN/case/year the/DT/det/year same/JJ/amod/year year/NN as/IN/case/{twin} "
    "{twin}/nmod",
    "as/IN/mark lists/NNS/nsubj of/IN/case/films films/NNS/nmod/lists show/VBP",
)
SAYINGS = (
    "lists/NNS/nsubj of/IN/case/films films/NNS/nmod/lists say/VBP",
    "Wikidata/NNP/nsubj records/VBZ",
    "it/PRP/nsubj:pass is/VBZ/aux:pass known/VBN",
)
