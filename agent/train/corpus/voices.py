"""Synthetic voices of Debian, and what they say: sentences that carriers say."""

from dataclasses import dataclass

SENTENCES = {
    "en-us": (
        "The number you have dialled is not in service. Please check the number and dial again.",
        "The subscriber you are calling is switched off or out of coverage. Please try again later.",
        "All circuits are busy now. Your call cannot be completed at this time. Goodbye.",
    ),
    "de": (
        "Die gewählte Rufnummer ist nicht vergeben. Bitte rufen Sie die Auskunft an.",
        "Der Teilnehmer ist vorübergehend nicht erreichbar. Bitte versuchen Sie es später noch einmal.",
    ),
    "es": (
        "El número que usted marcó no existe. Verifique el número y vuelva a llamar.",
        "El teléfono al que llama está apagado o fuera de cobertura en este momento.",
    ),
    "fr-fr": (
        "Le numéro que vous avez composé n'est pas attribué. Veuillez consulter l'annuaire.",
        "Votre correspondant n'est pas joignable pour le moment. Merci de rappeler plus tard.",
    ),
    "it": (
        "Il cliente da lei chiamato non è al momento raggiungibile. La preghiamo di richiamare più tardi.",
    ),
    "pt-br": ("Este telefone está desligado ou fora da área de cobertura. Tente mais tarde, por favor.",),
    "ru": ("Аппарат абонента выключен или находится вне зоны действия сети. Перезвоните позже.",),
    "pl": ("Wybrany numer nie istnieje. Prosimy sprawdzić numer i zadzwonić ponownie.",),
    "tr": ("Aradığınız kişiye şu anda ulaşılamıyor. Lütfen daha sonra tekrar deneyiniz.",),
    "hi": ("आप जिस नंबर पर कॉल कर रहे हैं वह अभी बंद है। कृपया कुछ समय बाद प्रयास करें।",),
    "cmn": ("您拨打的电话已关机，请稍后再拨。",),
    "sv": ("Numret du har ringt har ingen abonnent. Kontrollera numret och försök igen.",),
    "ar": ("الرقم الذي طلبته غير موجود في الخدمة. يرجى التأكد من الرقم.",),
    "id": ("Nomor yang anda tuju sedang tidak aktif. Cobalah beberapa saat lagi.",),
    "cs": (
        "Volané číslo není přiřazeno. Zkontrolujte prosím číslo a volejte znovu.",
        "Volaný účastník není dostupný. Zavolejte prosím později.",
    ),
    "fi": (
        "Valitsemaanne numeroon ei juuri nyt saada yhteyttä. Soittakaa myöhemmin uudelleen.",
        "Valitsemanne numero ei ole käytössä. Tarkistakaa numero.",
    ),
    "ca": (
        "El número que heu marcat no existeix. Comproveu el número i torneu a trucar.",
        "El telèfon al qual truqueu està apagat o fora de cobertura en aquest moment.",
    ),
}
ESPEAK_VARIANTS = ("m1", "m3", "m5", "m7", "f1", "f2", "f3", "f4", "croak")
FLITE_VOICES = {"kal": "kal", "kal16": "kal", "slt": "slt", "awb": "awb", "rms": "rms"}
"""Voices and whose they are."""


@dataclass(frozen=True, slots=True)
class FestivalVoice:
    """A voice of festival, in a Debian package of its own (`festvox-...`)."""

    name: str
    speaker: str
    language: str
    """A key of SENTENCES."""
    encoding: str
    """What its front end reads."""
    licence: str


FESTIVAL_VOICES = (
    FestivalVoice("cmu_us_slt_arctic_hts", "slt", "en-us", "ascii", "BSD-like"),
    FestivalVoice("ked_diphone", "ked", "en-us", "ascii", "BSD-like"),
    FestivalVoice("upc_ca_ona_hts", "ona", "ca", "iso-8859-15", "LGPL-2.1+"),
    FestivalVoice("czech_dita", "dita", "cs", "iso-8859-2", "GPL-3+"),
    FestivalVoice("czech_krb", "krb", "cs", "iso-8859-2", "GPL-3+"),
    FestivalVoice("czech_machac", "machac", "cs", "iso-8859-2", "GPL-3+"),
    FestivalVoice("czech_ph", "ph", "cs", "iso-8859-2", "GPL-2+"),
    FestivalVoice("suo_fi_lj_diphone", "lj", "fi", "iso-8859-15", "LGPL-2+"),
    FestivalVoice("hy_fi_mv_diphone", "mv", "fi", "iso-8859-15", "LGPL-2+"),
    FestivalVoice("hindi_NSK_diphone", "nsk", "hi", "utf-8", "GPL-2+"),
    FestivalVoice("lp_diphone", "lp", "it", "iso-8859-15", "GPL-2+"),
    FestivalVoice("pc_diphone", "pc", "it", "iso-8859-15", "GPL-2+"),
)
