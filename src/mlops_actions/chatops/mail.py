"""Recognise where a comment that was sent by e-mail ends and text of somebody else begins.

Mail programs put the message that is answered below the answer, many without `>`. GitHub cuts some forms off and posts
others whole. Below such a line nothing is the commenter's own text, nor is a signature or a forwarded message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# "On … wrote:" may be wrapped over so many lines.
_MAX_WRAPPED = 3
_MAX_LENGTH = 500
_WROTE = re.compile(
    r"(?:wrote|writes|schrieb|hat geschrieben|a écrit|escribió|escribio|ha scritto|escreveu|schreef|skrev|kirjoitti"
    r"|napisał|napisała|napisał\(a\)|napsal|napsal\(a\)|írta|a scris|yazdı|şunu yazdı|пишет|написала?|написав|έγραψε|viết"
    r"|wrote on|写道|寫道|のメール|書きました|작성|كتب|כתב)(?!\w)|(?:写道|寫道|のメール|書きました|님이 작성)",
    re.IGNORECASE,
)
# An attribution names a time or an address.
_WHEN_OR_WHO = re.compile(r"[0-9]{4}|[0-9]{1,2}[:.h][0-9]{2}|@|<mailto:")
# Some languages have no verb: a date, a time, and the address at the end.
_YEAR, _TIME = re.compile("[0-9]{4}"), re.compile("[0-9]{1,2}[:.h][0-9]{2}")
_ADDRESS = re.compile(r"<[^<>@\s]+@[^<>@\s]+>|\([^()@\s]+@[^()@\s]+\)")
# A line of its own that names neither a time nor an address.
_ON_WROTE = re.compile(r"\s*On\s\S.{2,200}\swrote:\s*")
_FROM = "From|Von|De|Da|Van|Från|Fra|Lähettäjä|Od|От|Від|Feladó|Gönderen|发件人|寄件者|差出人|보낸 사람"
_OTHER = (
    "Sent|Date|To|Cc|Subject|Reply-To|Gesendet|Datum|An|Betreff|Envoyé|Date|À|Objet|Enviado|Enviada|Enviado el|Fecha|Para|"
    "Asunto|Assunto|Data|Inviato|A|Oggetto|Verzonden|Aan|Onderwerp|Skickat|Till|Ämne|Sendt|Til|Emne|Dato|Lähetetty|"
    "Vastaanottaja|Aihe|Wysłano|Wysłane|Do|Temat|Odesláno|Komu|Předmět|Отправлено|Дата|Кому|Тема|Надіслано|Elküldve|"
    "Címzett|Tárgy|Gönderildi|Kime|Konu|发送时间|日期|收件人|主题|寄件日期|收件者|主旨|送信日時|日付|宛先|件名|"
    "보낸 날짜|받는 사람|제목"
)
_NAME_END = r"\**\s*[:：]\**"
_HEADER_FROM = re.compile(rf"\s*\**(?:{_FROM}){_NAME_END}\s*\S", re.IGNORECASE)
_HEADER_OTHER = re.compile(rf"\s*\**(?:{_OTHER}){_NAME_END}", re.IGNORECASE)
_LATER_ON_THE_LINE = re.compile(rf"\s\**(?:{_OTHER}){_NAME_END}", re.IGNORECASE)
_HEADER_LINES = 3
# "-----Original Message-----", "---------- Forwarded message ---------", in any language: words between two rows of dashes.
_DIVIDER = re.compile(
    r"\s*(?:-{4,}|_{4,}|—{2,}|={3,})\s*[^\W\d_](?:[^-_|—=]|[-_—=](?![-_—=])){2,60}(?:-{4,}|_{4,}|—{2,}|={3,})\s*"
)
_FORWARDED = frozenset(
    (
        "begin forwarded message",
        "anfang der weitergeleiteten nachricht",
        "anfang der weitergeleiteten e-mail",
        "début du message réexpédié",
        "début du message transféré",
        "inicio del mensaje reenviado",
        "inizio messaggio inoltrato",
        "begin doorgestuurd bericht",
        "início da mensagem reencaminhada",
        "início da mensagem encaminhada",
        "пересылаемое сообщение",
    )
)
# What GitHub's own mails say above and below the comment that they bring.
_GITHUB = re.compile(
    r"\s*(?:@[\w-]{1,60} commented on this pull request\.|.{1,100} left a comment \(\S+#[0-9]+\)"
    r"|(?:—\s*)?Reply to this email directly, .*)\s*"
)
_MARKS = re.compile("[:：]|--|__|——|===|this pull request|left a comment|Reply to this email")
# RFC 3676, section 4.3: a signature begins with this line.
SIGNATURE = "-- "


def own_lines(lines: Sequence[str], shown: Sequence[int]) -> int:
    """Return the number of the first line that is no longer the commenter's own; the count of lines where there is none.

    `lines` are those of the whole comment; `shown` are the numbers of those that are text, neither quoted nor code.
    """
    for index, number in enumerate(shown):
        line = lines[number]
        # Most lines end here, so that a long comment costs little.
        if len(line) > _MAX_LENGTH or not _MARKS.search(line):
            continue
        if (
            _DIVIDER.fullmatch(line)
            or _GITHUB.fullmatch(line)
            or line.strip(" \t:：").lower() in _FORWARDED
            or _begins_header(lines, number)
        ):
            return number
        if line.rstrip().endswith((":", "：")):
            first = _attribution(lines, shown, index)
            if first is not None and not _is_quoted_below(lines, number):
                return first
    return len(lines)


def _attribution(lines: Sequence[str], shown: Sequence[int], index: int) -> int | None:
    """Return the first line of an "On … wrote:" that ends on this line; None where it is none."""
    text = ""
    for back in range(min(_MAX_WRAPPED, index + 1)):
        number = shown[index - back]
        if number != shown[index] - back or len(lines[number]) > _MAX_LENGTH or (back and not lines[number].strip()):
            break
        text = f"{lines[number]} {text}"
        is_dated = bool(_WHEN_OR_WHO.search(text) and _WROTE.search(text))
        if (
            is_dated
            or (not back and _ON_WROTE.fullmatch(lines[number]))
            or all(pattern.search(text) for pattern in (_YEAR, _TIME, _ADDRESS))
        ):
            return number
    return None


def _is_quoted_below(lines: Sequence[str], number: int) -> bool:
    """Return whether the text below an attribution is marked as a quote, after which the commenter may go on."""
    below = next((line for line in lines[number + 1 : number + 4] if line.strip()), "")
    return below.lstrip().startswith(">")


def _begins_header(lines: Sequence[str], number: int) -> bool:
    """Return whether a block of header lines begins here: From, then a date, recipients or a subject."""
    line = lines[number]
    if not _HEADER_FROM.match(line):
        return False
    # Directly below other text it may be parameters of a command (`from: 1`, `to: 2`), unless the whole header is there.
    if number and lines[number - 1].strip(" \t_-*\\"):
        header = lines[number + 1 : number + 1 + _HEADER_LINES]
        return len(header) == _HEADER_LINES and all(map(_HEADER_OTHER.match, header))
    if _LATER_ON_THE_LINE.search(line):
        return True
    below = [other for other in lines[number + 1 : number + 2 * _HEADER_LINES] if other.strip()][:_HEADER_LINES]
    return any(_HEADER_OTHER.match(other) for other in below)
