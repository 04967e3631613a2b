"""Numbers written as words that touch what they count: "ยี่สิบเอ็ดนิ้ว" is "21 นิ้ว", "二四センチ" is "24 センチ".

Thai, Japanese and Korean. A word for one digit is too often part of another word ("เก้าอี้" a chair, "사장" a
boss), so it counts only beside what is counted or numbered; a run that multiplies ("ร้อยแปดสิบ") is surely
a number. Knows nothing of languages that part their words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shelfsense.reformulation.units import COUNTERS, MEASURES

NO_WHOLE: Final = 0
"""Of a word that makes the number beside it a part of another."""

_ENDLESS = 10_000_000
_BATTERY = re.compile("単(?:([一二三四五])(?![一二三四五六七八九十])|さん)|たん([三四一二])")
"""The size of a battery is a number: 単三 is 単3."""


@dataclass(frozen=True, slots=True)
class _Numerals:
    """How one script writes numbers in words.

    Attributes:
        sign: any of its letters.
        values: what each word says, 0 included.
        run: words in a row, decimals included.
        point: the word before decimals.
        counted: what stands behind a number, at the start of the rest.
        measured: likewise, of what even one word before it is surely a number.
        numbered: what stands before a number, at the end of what precedes.
        inside: letters before a run that make it part of another word.
        surely: a run of several words is a number wherever it stands.
        alone: a run is a number where it is a word of its own, of so many words at least.
    """

    sign: re.Pattern[str]
    values: dict[str, int]
    run: re.Pattern[str]
    point: str
    measured: re.Pattern[str]
    counted: re.Pattern[str]
    numbered: re.Pattern[str]
    inside: re.Pattern[str]
    surely: bool
    alone: int


def fold_joined_numbers(text: str) -> str:
    """Write such numbers as digits, each apart from what stands beside it.

    Args:
        text: in normal form.
    """
    text = _BATTERY.sub(lambda size: f"単 {_KANJI.get(size[1] or size[2] or '三')} ", text)
    for numerals in _SCRIPTS:
        if numerals.sign.search(text):
            text = _folded(text, numerals)
    return _SPOKEN_K.sub("k", _SPOKEN.sub(lambda name: f" {_NAMES[name[0].strip()]}", text))


def number_of(parts: Sequence[int], *, ten_multiplies: bool = False) -> int | None:
    """Add and multiply as number words do; None where they are not one number ("quatre vingt", "two three").

    Args:
        parts: what the words say, in order.
        ten_multiplies: "two ten" is twenty, as it is in Chinese, Korean and Thai.
    """
    total = current = 0
    least = bound = _ENDLESS  # what the next part, or the next to multiply by, must stay below
    for part in parts:
        if part == NO_WHOLE:
            return None
        multiplies = part in {100, 1000, 10_000, 100_000} or (ten_multiplies and part == 10)
        if multiplies and part < bound and (not current or 1 < current < 10 or part >= 1000):
            total, current, least, bound = total + max(current, 1) * part, 0, part, part
        elif part < least:
            current += part
            takes_more = multiplies or (part >= 20 and part % 10 == 0)
            least = 10 ** (len(str(part)) - 1) if takes_more else 1
        else:
            return None
    return total + current


def _folded(text: str, numerals: _Numerals) -> str:
    written, done = [], 0
    for found in numerals.run.finditer(text):
        number = _read(found[0], numerals)
        before, after = text[done : found.start()], text[found.end() :]
        if number and _is_number(found[0], before, after, numerals):
            written += [before, f" {number} "]
            done = found.end()
    return "".join([*written, text[done:]])


def _read(run: str, numerals: _Numerals) -> str:
    whole, point, decimals = run.partition(numerals.point)
    if point:
        first, last = _digits(whole, numerals), _digits(decimals, numerals)
        return f"{first}.{last}" if first and last else ""
    parts = _parts(run, numerals)
    number = number_of(parts, ten_multiplies=True)
    if number is not None:
        return f"{number}"
    if max(parts) > 9:
        return ""
    low, high = parts[0], parts[-1]
    # "สามสี่คน" are three or four, "二四センチ" are twenty-four.
    return f"{low}-{high}" if len(parts) == 2 and 0 < low == high - 1 else _digits(run, numerals)


def _parts(run: str, numerals: _Numerals) -> list[int]:
    return [numerals.values[word] for word in re.findall(_words(numerals.values), run)]


def _digits(run: str, numerals: _Numerals) -> str:
    parts = _parts(run, numerals)
    if parts and max(parts) <= 9:
        return "".join(map(str, parts))
    number = number_of(parts, ten_multiplies=True)
    return "" if number is None else f"{number}"


def _is_number(run: str, before: str, after: str, numerals: _Numerals) -> bool:
    if before[-1:].isdecimal() or after[:1].isdecimal():
        return False
    if numerals.numbered.search(before):
        return True
    if numerals.inside.search(before):
        return False
    parts = _parts(run.partition(numerals.point)[0], numerals)
    several = numerals.point in run or max(parts) >= 100 or (len(parts) > 1 and (max(parts) >= 10 or len(parts) > 2))
    if numerals.measured.match(after) or (several and numerals.counted.match(after)):
        return True
    if several and numerals.surely and len(parts) > 1:
        return True
    bounded = not before[-1:].isalnum() and not after[:1].isalnum()
    return bool(numerals.alone) and bounded and several and len(parts) >= numerals.alone


def _words(values: dict[str, int]) -> str:
    return "|".join(sorted(values, key=len, reverse=True))


def _one_of(names: Sequence[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


def _of_script(first: str, last: str) -> list[str]:
    return [name for name in (*MEASURES, *COUNTERS) if first <= name[0] <= last]


def _each(words: str) -> list[str]:
    return words.split()


# Letters of model numbers as they are spoken: "เอสี่" is A4, "プレステ5" is PS5.
_NAMES = {
    **dict.fromkeys(
        ["เพลย์สเตชั่น", "เพลย์สเตชัน", "เพลย์", "プレイステーション", "プレステ", "플레이스테이션", "플스"], "ps"
    ),
    **dict.fromkeys(["เอสพีเอฟ", "에스피에프"], "spf"),
    **dict.fromkeys(["เอ", "エー", "에이"], "a"),
    **dict.fromkeys(["เอ็ม", "エム", "엠"], "m"),
    **dict.fromkeys(["เอส", "エス", "에스"], "s"),
}
_SPOKEN = re.compile(rf"(?:{'|'.join(sorted(_NAMES, key=len, reverse=True))}) ?(?=\d)")
# "ケー" begins a case and "เค" one in Thai.
_SPOKEN_K = re.compile(r"(?<=\d) ?(?:ケー(?![ァ-ヶ])|케이(?![가-힣])|เค(?![สกร็]))")


def _named(first: str, last: str) -> list[str]:
    return [name for name in _NAMES if first <= name[0] <= last or (first == "ก" and name[0] == "เ")]


_THAI = dict(
    zip(
        _each("ศูนย์ หนึ่ง สอง สาม สี่ ห้า หก เจ็ด แปด เก้า สิบ ร้อย พัน หมื่น แสน ยี่ เอ็ด"),
        (*range(11), 100, 1000, 10_000, 100_000, 2, 1),
        strict=True,
    )
)
_COUNTED_IN_THAI = _each(
    "ชั้น ช่อง ล้อ คน ขั้น ประตู คิว หัว ที่นั่ง บาน แผง เดือน ขวบ ปี วัน ห่อ ซอง รีม แท่ง กระป๋อง กล่อง แพ็ค แพค ขวด หลอด ตอน เล่ม คีย์ ผืน แกรม"
    " คู่ ลูก ดวง ดอก เส้น สาย ม้วน ชุด เม็ด แคปซูล ตัว ใบ แผ่น ชิ้น อัน ก้อน ด้าม เครื่อง จุด พับ ลิ้นชัก ที่นอน แรงม้า แคลอรี่ ชาร์จ พอร์ต"
    " อิน ขีด คูณ โหล เค จี"
)
_KANJI = dict(zip("〇零一二三四五六七八九十百千万拾廿", (0, 0, *range(1, 11), 100, 1000, 10_000, 10, 20), strict=True))
_COUNTED_IN_JAPANESE = [
    "だん",
    "まい",
    "ほん",
    "にん",
    *"枚個本畳段型合級帖足口号冊台膳灯色輪歳才連層組袋箱缶束玉粒錠穴鍵点度年巻匹頭曲名",
    *_each("cm kg ml mm cc gb tb km cl mah hz ml g l m w v"),
    *_each(
        "人用 人掛 人で 人が 人前 つ口 つ折 つ穴 セット パック ピース ロール ダース ケース ポケット ケー コ入 こ入 リットル缶"
    ),
]
_NATIVE = dict(
    zip(
        _each("하나 한 두 둘 세 셋 네 넷 다섯 여섯 일곱 여덟 아홉 열 스물 스무 서른 마흔 쉰 예순 일흔 여든 아흔"),
        (1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 20, 20, 30, 40, 50, 60, 70, 80, 90),
        strict=True,
    )
)
_SINO = dict(zip("영공일이삼사오육칠팔구십백천만", (0, 0, *range(1, 11), 100, 1000, 10_000), strict=True))
_COUNTED_IN_KOREAN = [name for name in _of_script("가", "힣") if COUNTERS.get(name) == "pcs"] + _each(
    "병 벌 켤레 자루 칸 겹 명 사람 롤 팩 통 봉 봉지 쌍 세트 살 권 줄 판 박스 상자 캔 마리 채널 피스 조각 캡슐 정 포 매입 장입 개월 구 단 인치 킬로 키로"
)
# "세단" is a sedan and "사장" a boss: native words count things, the others measure.
_MEASURED_IN_KOREAN = [name for name in _of_script("가", "힣") if len(name) > 1 and name in MEASURES] + [
    "인용",
    "단",
    "구",
    "케이",
    "다스",
]
_NATIVELY_COUNTED = [name for name in _COUNTED_IN_KOREAN if name not in {"단", "구", "통", "포", "정", "팩", "판"}]
_BEHIND_KOREAN = r"(?:짜리|들이|용|입|형|급|되는|에|의|로|씩|세트|묶음)?(?![가-힣])"


def _numerals(  # noqa: PLR0913  one per thing that tells a number
    sign: str,
    values: dict[str, int],
    measured: Sequence[str],
    counted: Sequence[str],
    *,
    point: str,
    numbered: Sequence[str] = (),
    inside: str = "(?!)",
    behind: str = "",
    surely: bool = False,
    alone: int = 0,
) -> _Numerals:
    words = _words(values)
    return _Numerals(
        re.compile(sign),
        values,
        re.compile(rf"(?:{words})+(?:{point}(?:{words})+)?"),
        point,
        re.compile(rf" ?(?:{_one_of(measured)}){behind}"),
        re.compile(rf" ?(?:{_one_of(counted)}){behind}"),
        re.compile(rf"(?:{_one_of(numbered)}) ?$" if numbered else "(?!)"),
        re.compile(rf"(?:{inside})$"),
        surely,
        alone,
    )


_IN_THAI = [*_of_script("ก", "๛"), *_COUNTED_IN_THAI]
_IN_JAPANESE = [*_of_script("\u30a0", "\u30ff"), "吋", *_COUNTED_IN_JAPANESE]
_SCRIPTS = (
    _numerals(
        "[ก-๛]",
        _THAI,
        _IN_THAI,
        _IN_THAI,
        point="จุด",
        numbered=[*_each("เบอร์ เลข สูตร ขอบ เล่ม ไซส์ ไซซ์ ขนาด อายุ รุ่น ไอโฟน คูณ โปร"), *_named("ก", "๛")],
        surely=True,
    ),
    _numerals(
        "[〇零一二三四五六七八九十百千万拾廿]",
        _KANJI,
        _IN_JAPANESE,
        _IN_JAPANESE,
        point="・",
        numbered=["アイフォン", "アイホン", "サイズ", "数字の「", *_named("ぁ", "ヿ")],
        inside="[万億数第]",
        alone=2,
    ),
    _numerals("[가-힣]", _NATIVE, _NATIVELY_COUNTED, _COUNTED_IN_KOREAN, point="점", inside="[가-힣]", behind=_BEHIND_KOREAN),
    _numerals(
        "[가-힣]",
        _SINO,
        _MEASURED_IN_KOREAN,
        [*(name for name in _COUNTED_IN_KOREAN if name != "팩"), *_MEASURED_IN_KOREAN],  # "백팩" is a backpack
        point="점",
        numbered=["아이폰", "사이즈", "갤럭시", *_named("가", "힣")],
        inside="[가-힣]",
        behind=_BEHIND_KOREAN,
        alone=3,
    ),
)  # fmt: skip
