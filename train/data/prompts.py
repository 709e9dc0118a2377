# SPDX-License-Identifier: Apache-2.0
"""Questions, in English and Chinese, and the fixed answers. The first of each list is the documented form."""

import random

READ = {
    "en": ["Read the text in the image.", "Read all the text in the image.", "What does the image say?",
           "What text is in the picture?", "Transcribe the text.", "OCR"],
    "zh": ["读出图中的文字。", "图中写了什么?", "图中写了什么？", "识别图片中的文字。", "请读出图片里的文字。", "请输出图中的全部文字。"],
}
COUNT = {
    "en": ["How many {thing} are there?", "How many {thing} are in the image?", "How many {thing} can you see?",
           "Count the {thing}."],
    "zh": ["图中有几个{thing}?", "图中有几个{thing}？", "图里有多少个{thing}?", "图中有多少个{thing}？", "数一数图中的{thing}。"],
}
NO_TEXT = {"en": "(no text)", "zh": "(没有文字)"}

# Text-only small talk: says honestly what this model is.
SELF = {
    "en": "I am monocle's tiny demo model. I can read printed text, answer about charts, contracts and screenshots, and count shapes.",
    "zh": "我是 monocle 的小型演示模型，能读文字，看图表、合同和界面截图，也能数图形。",
}
ABOUT = {
    "en": ["What can you do?", "Who are you?", "Who are you and what can you do?", "What are you?", "Hello", "Hi", "Help",
           "Tell me about yourself.", "Are you Qwen?", "What model is this?"],
    "zh": ["你是谁?", "你是谁？", "你能做什么?", "你能做什么？", "你会什么？", "你好", "介绍一下你自己。", "你是什么模型?", "你是什么模型？", "帮助"],
}

COLOURS = {"red": "红", "green": "绿", "blue": "蓝", "yellow": "黄", "purple": "紫", "black": "黑"}
KINDS = {"circle": "圆形", "square": "正方形", "triangle": "三角形", "star": "五角星"}


# -- screenshots -------------------------------------------------------------------------------------------------------
CLICK = {
    "zh": {"any": ["点击{}", "请点击{}", "点一下{}", "点击“{}”"], "button": ["点击{}按钮", "按下{}按钮"], "row": ["进入{}", "打开{}"],
           "tab": ["切换到{}", "打开{}页面", "进入{}"], "icon": ["点击{}图标"], "app": ["打开{}", "启动{}"], "input": ["点击{}输入框", "选中{}输入框"],
           "switch": ["切换{}开关", "点击{}的开关"], "check": ["点击{}复选框", "切换{}"], "item": ["打开{}菜单"], "link": ["点击{}链接"]},
    "en": {"any": ["Click {}", "Tap {}", "Click \"{}\"", "Please click {}"], "button": ["Click the {} button", "Press {}"],
           "row": ["Open {}", "Go to {}"], "tab": ["Switch to {}", "Open the {} tab", "Go to {}"], "icon": ["Click the {} icon"],
           "app": ["Open {}", "Launch {}"], "input": ["Click the {} field", "Focus {}"], "switch": ["Toggle {}", "Flip the {} switch"],
           "check": ["Toggle {}", "Click the {} checkbox"], "item": ["Open the {} menu"], "link": ["Follow the {} link"]},
}
CLICK_SEVERAL = {
    "zh": {2: ["先点击{}，再点击{}", "依次点击{}、{}"], 3: ["依次点击{}、{}、{}", "先点击{}，再点击{}，最后点击{}"]},
    "en": {2: ["Click {}, then {}", "First click {}, then click {}"], 3: ["Click {}, {} and {}", "Click {}, then {}, then {}"]},
}
TYPE = {
    "zh": {"one": ["在{label}中输入{value}", "{label}填写{value}", "输入{label}{value}"], "then": "，然后", "click": "点击{}"},
    "en": {"one": ["type {value} into {label}", "enter {value} in the {label} field", "set {label} to {value}"], "then": ", then ",
           "click": "click {}"},
}
LOGIN = {
    "zh": ["用{}{}登录，{}为{}", "登录：{}{}，{}{}", "使用{}{}和{}{}登录"],
    "en": ["Log in with {} {} and {} {}", "Log in: {} {}, {} {}"],
}
ORDINAL = {"zh": ["点击第{}个列表项", "打开第{}项"], "en": ["Click list item {}", "Open item number {}"]}
ALL_SWITCHES = {
    "zh": {"on": ["打开所有已关闭的开关", "把关闭的开关全部打开"], "off": ["关闭所有已打开的开关", "把打开的开关全部关闭"]},
    "en": {"on": ["Turn on every switch that is off", "Turn on all switches"], "off": ["Turn off every switch that is on", "Turn off all switches"]},
}

# -- captions ------------------------------------------------------------------------------------------------------------
CAPTION = {"zh": ["描述这张图片。", "这是什么图片?", "用一句话描述图片。"], "en": ["Describe the image.", "What is this picture?", "Caption this image."]}
DEVICES = {"zh": {"phone": "手机", "desktop": "电脑"}, "en": {"phone": "phone", "desktop": "desktop"}}
THEMES = {"zh": ("浅色", "深色"), "en": ("light", "dark")}
SCREEN_KINDS = {
    "zh": {"list": "列表", "login": "登录", "form": "表单", "home": "桌面图标", "dialog": "对话框", "table": "表格", "options": "选项"},
    "en": {"list": "list", "login": "login form", "form": "form", "home": "home screen", "dialog": "dialog", "table": "table", "options": "options page"},
}
SCREEN_CAPTION = {"zh": "{theme}主题的{device}截图，{kind}界面，标题：{title}。", "en": "A {device} screenshot in a {theme} theme: {kind}, titled {title}."}
UNTITLED_CAPTION = {"zh": "{theme}主题的{device}截图，{kind}界面。", "en": "A {device} screenshot in a {theme} theme: {kind}."}
CONTRACT_CAPTION = "一页{kind}合同的扫描件，甲方为{party}。"
CHART_KINDS = {"zh": {"bar": "柱状图", "hbar": "条形图", "pie": "饼图", "line": "折线图", "table": "表格", "kpi": "关键指标", "icons": "图标统计"},
               "en": {"bar": "bar chart", "hbar": "horizontal bar chart", "pie": "pie chart", "line": "line chart", "table": "table", "kpi": "key figures",
                      "icons": "pictogram"}}
CHART_CAPTION = {"zh": "一张{kind}，标题为{title}。", "en": "A {kind} titled {title}."}
CHART_CAPTION_TWO = {"zh": "两张图：{kind}和{other}。", "en": "Two charts: a {kind} and a {other}."}

# -- contracts -----------------------------------------------------------------------------------------------------------
CONTRACT = {
    "zh": ["提取合同中的甲方、金额和签署日期，以JSON输出。", "请从合同扫描件中提取甲方、金额、签署日期，输出JSON。", "抽取甲方、金额、签署日期。"],
    "en": ["Extract party A, the amount and the signing date of the contract as JSON.", "Read the contract: 甲方, 金额, 签署日期 as JSON."],
}
CONTRACT_FIELD = {"甲方": ["合同的甲方是谁?", "甲方是哪家公司?"], "乙方": ["合同的乙方是谁?", "乙方是哪家公司?"], "金额": ["合同金额是多少?", "合同的总金额是多少?"],
                  "签署日期": ["签署日期是哪天?", "合同是哪天签署的?"]}
NOT_THERE = {"zh": "图中没有。", "en": "Not in the picture."}

# -- infographics --------------------------------------------------------------------------------------------------------
CHART = {
    "zh": {"lookup": ["{item}的{topic}是多少?", "{topic}图中{item}的数值是多少?"], "argmax": ["{topic}最高的是哪一项?", "哪一项的{topic}最大?"],
           "argmin": ["{topic}最低的是哪一项?", "哪一项的{topic}最小?"], "diff": ["{item}的{topic}比{other}多多少?"],
           "sum": ["{item}与{other}的{topic}合计是多少?"], "share": ["{topic}中{item}占多少?", "{topic}构成中{item}的占比是多少?"],
           "trend": ["{topic}的变化趋势是什么?", "总结{topic}的趋势。"], "growth": ["{topic}从{item}年到{other}年增长了百分之几?"],
           "column": ["{topic}一列的合计是多少?"],
           "cell": ["表中{item}的{topic}是多少?", "{item}这一行的{topic}是多少?"], "sign": ["{item}是上升还是下降?"],
           "count": ["图中有几个图标?", "数一数图标有几个?"], "title": ["图的标题是什么?"], "number": ["{topic}图中共有几项?"]},
    "en": {"lookup": ["What is the {topic} of {item}?", "How much is {item} in the {topic} chart?"], "argmax": ["Which has the highest {topic}?",
           "What item is largest in {topic}?"], "argmin": ["Which has the lowest {topic}?", "What item is smallest in {topic}?"],
           "diff": ["How much more {topic} has {item} than {other}?"], "sum": ["What is the {topic} of {item} and {other} together?"],
           "share": ["What share of {topic} is {item}?", "What percentage of {topic} is {item}?"],
           "trend": ["What is the trend of {topic}?", "Summarize the trend of {topic}."], "growth": ["By what percentage did {topic} grow from {item} to {other}?", "What is the growth rate of {topic} from {item} to {other}?"],
           "column": ["What is the total of the {topic} column?"],
           "cell": ["What is the {topic} of {item} in the table?"], "sign": ["Did {item} go up or down?"],
           "count": ["How many icons are there?", "Count the icons."], "title": ["What is the title?"], "number": ["How many items does the {topic} chart have?"]},
}
TRENDS = {"zh": {"up": "上升", "down": "下降", "peak": "先升后降", "dip": "先降后升"},
          "en": {"up": "rising", "down": "falling", "peak": "rising, then falling", "dip": "falling, then rising"}}

# -- pages ---------------------------------------------------------------------------------------------------------------
REGION = {"zh": ["读出区域 {} 中的文字。", "读取 {}"], "en": ["Read the text in the region {}.", "Read {}"]}
NTH_LINE = {"zh": ["第{}行写了什么?", "读出第{}行。"], "en": ["What does line {} say?", "Read line {}."]}
HTML = {"zh": ["把截图转换为HTML。", "写出这个网页的HTML。"], "en": ["Convert the screenshot to HTML.", "Write this page as HTML."]}
FLOW = {"zh": ["把流程图转换为Draw.io。", "写出流程图的Draw.io XML。"], "en": ["Convert the flow chart to Draw.io XML."]}

# -- sums on a line ------------------------------------------------------------------------------------------------------
COMPUTE = {"zh": ["计算结果是多少?", "算一算。"], "en": ["What is the result?", "Calculate it."]}

# -- clips ---------------------------------------------------------------------------------------------------------------
CLIP = {
    "zh": {"steps": ["列出视频中的操作步骤及起止时间。", "请列出视频中的操作步骤及起止时间。", "视频里有哪些步骤?"], "when": ["什么时候{text}?", "“{text}”是在什么时间?"],
           "nth": ["第{n}步是什么?", "视频的第{n}个步骤是什么?"], "number": ["视频共有几个步骤?", "一共有几步?"]},
    "en": {"steps": ["List the steps in the video with their times.", "What are the steps and when do they happen?"],
           "when": ["When does \"{text}\" happen?", "When is the step {text}?"], "nth": ["What is step {n}?", "What is step {n} of the video?"],
           "number": ["How many steps does the video have?", "How many steps are there?"]},
}


def language(rng: random.Random) -> str:
    return "en" if rng.random() < 0.5 else "zh"


def pick(rng: random.Random, choices: list[str]) -> str:
    """The documented form half of the time, any paraphrase otherwise."""
    return choices[0] if rng.random() < 0.5 else rng.choice(choices)


def thing(lang: str, colour: str | None, kind: str) -> str:
    """'red circles' or '红色的圆形'; without a colour 'circles' or '圆形'."""
    if lang == "en":
        return f"{colour} {kind}s" if colour else f"{kind}s"
    return f"{COLOURS[colour]}色的{KINDS[kind]}" if colour else KINDS[kind]


def all_english() -> list[str]:
    """Every English prompt and answer, for the tokenizer's corpus."""
    things = [thing("en", colour, kind) for colour in (None, *COLOURS) for kind in KINDS]
    counting = [form.format(thing=name) for form in COUNT["en"] for name in things]
    return READ["en"] + counting + ABOUT["en"] + [SELF["en"], NO_TEXT["en"]]
