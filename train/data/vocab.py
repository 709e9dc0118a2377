# SPDX-License-Identifier: Apache-2.0
"""Words of the task pictures: pairs are (Chinese, English)."""

# -- screens ---------------------------------------------------------------------------------------------------------
PHONE_TITLES = [("设置", "Settings"), ("我的", "Profile"), ("更多设置", "More settings"), ("控制中心", "Control center"),
                ("个人中心", "My account"), ("系统", "System")]
ROWS = [("账号与安全", "Account"), ("通知管理", "Notifications"), ("隐私", "Privacy"), ("通用", "General"),
        ("深色模式", "Dark mode"), ("蓝牙", "Bluetooth"), ("无线网络", "Wi-Fi"), ("移动数据", "Mobile data"),
        ("自动更新", "Auto update"), ("清理缓存", "Clear cache"), ("语言", "Language"), ("字体大小", "Font size"),
        ("关于我们", "About us"), ("意见反馈", "Feedback"), ("帮助中心", "Help center"), ("退出登录", "Log out"),
        ("支付管理", "Payment"), ("收货地址", "Addresses"), ("定位服务", "Location"), ("屏幕亮度", "Brightness"),
        ("声音与振动", "Sound"), ("飞行模式", "Airplane mode"), ("省电模式", "Power saving"), ("夜间护眼", "Night light"),
        ("应用锁", "App lock"), ("数据备份", "Backup"), ("家庭共享", "Family sharing"), ("桌面壁纸", "Wallpaper"),
        ("指纹解锁", "Fingerprint"), ("存储空间", "Storage"), ("电池", "Battery"), ("个人热点", "Hotspot")]
TABS = [("首页", "Home"), ("消息", "Messages"), ("发现", "Discover"), ("分类", "Categories"), ("购物车", "Cart"),
        ("通讯录", "Contacts"), ("任务", "Tasks"), ("报表", "Reports"), ("推荐", "For you"), ("关注", "Following")]
APPS = [("相机", "Camera"), ("图库", "Photos"), ("日历", "Calendar"), ("时钟", "Clock"), ("天气", "Weather"), ("地图", "Maps"),
        ("音乐", "Music"), ("视频", "Videos"), ("邮件", "Mail"), ("电话", "Phone app"), ("短信", "SMS"), ("浏览器", "Browser"),
        ("文件", "Files"), ("计算器", "Calculator"), ("备忘录", "Memo"), ("商店", "Store"), ("健康", "Health"), ("钱包", "Wallet")]
BUTTONS = [("提交", "Submit"), ("保存", "Save"), ("取消", "Cancel"), ("确认", "Confirm"), ("下一步", "Next"), ("发送", "Send"),
           ("编辑", "Edit"), ("删除", "Delete"), ("分享", "Share"), ("收藏", "Favorite"), ("购买", "Buy"), ("立即支付", "Pay now"),
           ("导出", "Export"), ("导入", "Import"), ("打印", "Print"), ("刷新", "Refresh"), ("新建", "New"), ("查询", "Find"),
           ("重置", "Reset"), ("上传", "Upload"), ("下载", "Download"), ("应用", "Apply")]
# the last item names the maker of a value to type (data/values.py)
FIELDS = [("手机号", "Phone", "phone"), ("用户名", "User name", "user"), ("密码", "Password", "password"),
          ("验证码", "Code", "code"), ("邮箱", "Email", "email"), ("收件人", "Recipient", "person"), ("备注", "Note", "note"),
          ("数量", "Quantity", "number"), ("标题", "Title", "note"), ("联系人", "Contact", "person"), ("端口", "Port", "number")]
LOGIN = ("登录", "Log in")
LOGIN_TITLES = [("欢迎登录", "Welcome"), ("账号登录", "Sign in"), ("会员登录", "Member login")]
LINKS = [("注册账号", "Register"), ("忘记密码", "Forgot password"), ("游客访问", "Guest")]
FORM_TITLES = [("填写信息", "Details"), ("订单信息", "Order"), ("新建联系人", "New contact"), ("修改资料", "Edit profile")]
ICONS = {"back": ("返回", "Back"), "search": ("搜索", "Search"), "more": ("更多", "More"), "add": ("添加", "Add"),
         "close": ("关闭", "Close"), "menu": ("菜单", "Menu")}
MENUS = [("文件", "File"), ("编辑", "Edit"), ("查看", "View"), ("插入", "Insert"), ("格式", "Format"), ("工具", "Tools"),
         ("窗口", "Window"), ("帮助", "Help")]
SIDEBAR = [("概览", "Overview"), ("用户", "Users"), ("订单", "Orders"), ("产品", "Products"), ("报表", "Reports"),
           ("日志", "Logs"), ("权限", "Access"), ("消息", "Inbox"), ("客户", "Clients"), ("仓库", "Stock"), ("财务", "Finance"),
           ("任务", "Jobs")]
DESKTOP_TITLES = [("管理后台", "Admin"), ("文本编辑器", "Text editor"), ("系统监视器", "Monitor"), ("办公助手", "Office"),
                  ("数据平台", "Data platform")]
CHECKS = [("记住密码", "Remember me"), ("同意协议", "I agree"), ("开机启动", "Start on boot"), ("显示网格", "Show grid"),
          ("自动保存", "Auto save"), ("接收通知", "Notify me"), ("启用日志", "Enable log"), ("全部选择", "Select all")]
DIALOGS = [("确定要删除吗？", "Delete this item?"), ("保存更改吗？", "Save changes?"), ("允许访问位置吗？", "Allow location?"),
           ("现在更新系统吗？", "Update now?"), ("退出当前账号吗？", "Leave this account?")]
DIALOG_BUTTONS = [(("取消", "Cancel"), ("确定", "OK")), (("拒绝", "Deny"), ("允许", "Allow")), (("稍后", "Later"), ("继续", "Continue"))]

# -- contracts -------------------------------------------------------------------------------------------------------
CITIES = "北京 上海 广州 深圳 杭州 南京 成都 武汉 西安 苏州 天津 重庆 青岛 长沙 厦门 宁波 无锡 济南 合肥 福州".split()
TRADES = "科技 信息技术 电子 机械设备 建筑工程 物流 生物医药 新能源 软件 贸易 文化传媒 食品 环保 教育咨询 智能装备".split()
FORMS = ("有限公司", "股份有限公司", "集团有限公司")
NAME_HANZI = "华东方正泰达瑞丰恒信盛源宏远博雅天成中联海川金鼎立德明辉永安嘉禾万通创优卓越启航蓝星云鹏龙翔宇润泽欣荣康宁佳美百汇众合同诚顺隆兴昌"
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = "伟芳娜敏静强磊军洋勇艳杰娟涛明超秀霞平刚桂英华建国文斌玉梅丽红志学海波辉鹏飞雪晨浩宇欣怡子涵"
CONTRACT_KINDS = "设备采购 技术服务 房屋租赁 工程施工 软件开发 货物运输 广告发布 委托加工 产品销售 维修保养".split()
PARTY_A = ("甲方", "甲方（委托方）", "甲方（买方）", "委托方（甲方）", "甲方（采购方）")
PARTY_B = ("乙方", "乙方（受托方）", "乙方（卖方）", "受托方（乙方）", "乙方（供货方）")
SECTIONS = "标的与范围 质量标准 交付方式 验收办法 付款方式 违约责任 保密条款 知识产权 不可抗力 争议解决 合同变更 其他约定".split()
AMOUNT_SECTIONS = ("合同金额", "合同价款", "价款与支付")
AMOUNT_CLAUSES = ("本合同总金额为人民币{}。", "合同总价为人民币{}，含税。", "双方同意，本合同价款合计人民币{}。", "甲方应向乙方支付合同款人民币{}。")
CLAUSES = ("{kind}的内容、数量及质量要求以本合同附件为准，双方不得擅自变更。", "乙方应当于{date}前完成交付，逾期每日按合同总额的千分之{n}支付违约金。",
           "甲方在收到货物后{n}个工作日内组织验收，合格后签署验收单。", "双方对履行中知悉的商业秘密负有保密义务，期限为{n}年。",
           "因不可抗力不能履行的，受影响一方应在{n}日内书面通知对方。", "发生争议的，由双方协商解决；协商不成的，提交{city}仲裁委员会仲裁。",
           "质量保证期为{n}个月，自验收合格之日起计算。", "乙方应向甲方支付履约保证金人民币{money}元，验收合格后退还。",
           "未经对方书面同意，任何一方不得转让本合同的权利义务。", "本合同一式{n}份，双方各执一份，具有同等法律效力。",
           "乙方应在{date}之前提交实施方案，并经甲方书面确认。", "运输费用{money}元由{party}承担，包装应符合国家标准。")
PREAMBLES = ("根据《中华人民共和国民法典》及有关规定，经双方协商，就{}事宜达成如下协议。", "甲乙双方本着平等自愿的原则，就{}事项签订本合同。")
CONTRACT_WORDS = ("合同", "合同编号：", "地址：", "市", "路", "号", "法定代表人：", "电话：", "第{}条", "盖章", "代表：", "（盖章）：", "序号", "名称",
                  "数量", "金额（元）", "设备", "服务", "材料", "共", "页", "签署页", "协议书")
DATE_LABELS = ("签署日期", "签订日期", "签约日期", "日期")
CAPITAL_NUMERALS = "零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整"
NUMBERED = "一二三四五六七八九十"

# -- infographics ----------------------------------------------------------------------------------------------------
# (Chinese, English, unit zh, unit en)
TOPICS = [("销售额", "Sales", "万元", "k$"), ("用户数", "Users", "万人", "k"), ("产量", "Output", "万吨", "kt"),
          ("营业收入", "Revenue", "亿元", "M$"), ("访问量", "Visits", "万次", "k"), ("能耗", "Energy", "兆瓦时", "MWh"),
          ("出口额", "Exports", "亿元", "M$"), ("订单量", "Orders", "万单", "k"), ("利润", "Profit", "万元", "k$"),
          ("装机量", "Installs", "万台", "k"), ("投诉量", "Complaints", "件", ""), ("库存", "Stock", "万件", "k")]
CATEGORIES = [[("华东", "East"), ("华南", "South"), ("华北", "North"), ("西南", "West"), ("东北", "Center"), ("华中", "Islands")],
              [("手机", "Phones"), ("电脑", "Laptops"), ("平板", "Tablets"), ("耳机", "Headsets"), ("手表", "Watches"), ("相机", "Cameras")],
              [("一月", "Jan"), ("二月", "Feb"), ("三月", "Mar"), ("四月", "Apr"), ("五月", "May"), ("六月", "Jun")],
              [("苹果", "Apple"), ("香蕉", "Banana"), ("葡萄", "Grape"), ("西瓜", "Melon"), ("橙子", "Orange"), ("桃子", "Peach")],
              [("线上", "Online"), ("门店", "Shops"), ("代理", "Agents"), ("批发", "Bulk"), ("直播", "Live"), ("团购", "Group")],
              [("煤炭", "Coal"), ("石油", "Oil"), ("天然气", "Gas"), ("水电", "Hydro"), ("风电", "Wind"), ("光伏", "Solar")]]
COLUMNS = [("数量", "Count"), ("单价", "Price"), ("金额", "Amount"), ("库存", "Stock"), ("评分", "Score")]
CHART_WORDS = ("名称", "构成", "趋势", "明细表", "关键指标", "上升", "下降", "先升后降", "先降后升", "年", "增长", "年度报告", "集团", "公司", "工厂")

# -- web pages and flow charts ----------------------------------------------------------------------------------------
WEB = [("首页", "Home"), ("产品", "Products"), ("价格", "Pricing"), ("文档", "Docs"), ("联系我们", "Contact"), ("关于", "About"),
       ("登录", "Log in"), ("注册", "Sign up"), ("新闻", "News"), ("服务", "Services"), ("案例", "Cases"), ("下载", "Download"),
       ("支持", "Support"), ("博客", "Blog"), ("搜索", "Search"), ("提交", "Submit"), ("返回", "Back"), ("更多", "More"),
       ("购买", "Buy"), ("订阅", "Subscribe")]
FLOW_VERBS = [("检查", "Check"), ("打开", "Open"), ("输入", "Enter"), ("保存", "Save"), ("审核", "Review"), ("提交", "Submit"),
              ("计算", "Compute"), ("发送", "Send")]
FLOW_NOUNS = [("数据", "data"), ("订单", "order"), ("文件", "file"), ("信息", "info"), ("报告", "report"), ("请求", "request")]
FLOW_ENDS = (("开始", "Start"), ("结束", "End"))

# -- tutorial clips --------------------------------------------------------------------------------------------------
CLIP_VERBS = [("打开", "Open"), ("点击", "Click"), ("选择", "Select"), ("输入", "Enter"), ("拖动", "Drag"), ("关闭", "Close"),
              ("保存", "Save"), ("切换", "Switch"), ("添加", "Add"), ("删除", "Delete"), ("安装", "Install"), ("连接", "Connect"),
              ("取出", "Take out"), ("按住", "Hold"), ("检查", "Check"), ("复制", "Copy")]
CLIP_THINGS = [("设置", "settings"), ("菜单", "menu"), ("文件", "file"), ("图片", "picture"), ("开关", "switch"), ("按钮", "button"),
               ("账号", "account"), ("密码", "password"), ("电源", "power"), ("面板", "panel"), ("纸张", "paper"), ("电池", "battery"),
               ("屏幕", "screen"), ("键盘", "keyboard"), ("标签", "label"), ("窗口", "window"), ("外壳", "cover"), ("电缆", "cable")]
CLIP_OPENINGS = [("教程开始", "Tutorial"), ("操作演示", "Demo"), ("欢迎观看", "Welcome")]
CLIP_CLOSINGS = [("教程结束", "The end"), ("下期再见", "Goodbye"), ("感谢观看", "Thank you")]
