"""Everyday words of the three languages."""

from __future__ import annotations

_PT = """
não nao você voce vocês voces vc vcs uma um eu meu minha meus minhas com são sao então entao também tambem
obrigado obrigada oi olá bom boa tarde noite qual quais quanto quero queria gostaria posso pode podem tem têm
fazer ele ela isso isto esse essa na da do dos das em ao pelo pela até ate já ja mais muito muita hoje amanhã
amanha onde quando aula aulas preço preco preços precos horário horario falar atendente pessoa ajuda preciso
tudo bem aí ai tá ta né ne pra pro vou foi ainda agora sábado sabado domingo filho filha cavalo cavalos
endereço endereco ou mas vim sim
"""
_ES = """
usted ustedes una un yo mi mis con son entonces también gracias hola buenos buenas días dias tardes noches
cuál cual cuáles cuánto cuanto cuesta cuestan quiero quisiera puedo puede pueden tiene tienen tienes hacer él
ella eso esto ese esa la el los las en del al hasta ya más mas muy hoy mañana dónde donde cuándo cuando clase
clases precio precios horario hablar agente persona ayuda necesito todo bien está estoy es soy y pero sí niño
niña hijo hija caballo caballos dirección direccion sábado domingo alguien algún nadie vosotros qué cómo como
hay desde nuestro le les
"""
_EN = """
the is are i you your my we they with and or but not do does did don't can could would will what how much
many when where who why hi hello hey good morning afternoon evening thanks thank please want need have has
there this that those these of to for from at on in it it's i'd i'm lesson lessons price prices cost costs
hours open talk speak human agent person real help horse horses address book kid kids child son daughter
someone somebody today tomorrow saturday sunday yes
"""
_UNTELLING = """
a o as os um uma uns umas de do da dos das em no na nos nas por pelo pela para pra pro com sem e ou que se eu
voce voces vc vcs ele ela eles elas me meu minha seu sua isso isto esse essa este esta aquele ao aos nao sim
ja mais muito bem tem ter teria tenho temos ha existe ser sao foi era estar estou sei saber gostaria queria
quero posso pode podem poderia favor qual quais quando quanto quantos quantas como quem oi ola bom boa dia
tarde noite tudo obrigado obrigada la ai aqui ainda tambem so entao fazer faz fazem vao vai
el los las una unos unas del al y yo usted ustedes tu mi su con sin hay tiene tienen tengo es son puedo puede
pueden quiero quisiera gustaria cual cuales cuando cuanto cuantos cuanta quien hola buenos buenas dias tardes
noches gracias porfa muy le les lo hacer hace hacen algo
the is are am was be been i you your yours my we our they their it its this that these those of to for from
at on in with and or not do does did can could will shall should may might what which how much many when who
why there have had has get got please want need like know tell about any some hi hello hey good morning
afternoon evening thanks thank us i'd i'm it's don't would hoje amanha hoy manana today tomorrow
"""

# What only one of the three languages says: words that two share (que, para, de, me) tell nothing.
_ALL = {"pt-BR": frozenset(_PT.split()), "es": frozenset(_ES.split()), "en": frozenset(_EN.split())}
TELLING: dict[str, frozenset[str]] = {
    locale: words - frozenset().union(*(other for name, other in _ALL.items() if name != locale))
    for locale, words in _ALL.items()
}

# Folded words that say nothing of what a question is about.
STOPWORDS = frozenset(_UNTELLING.split())
