"""The words of the support desk: templates and fillers.

Only the clarifying questions ask, only the confirmations ask to confirm, only the apologies apologise: what a digest
counts must follow from what was chosen.
"""

ITEMS = (
    "electric kettle", "desk lamp", "winter jacket", "coffee grinder", "yoga mat", "office chair", "hiking boots",
    "wireless mouse", "rice cooker", "picture frame", "garden hose", "travel pillow", "espresso cups", "bike helmet",
    "wool blanket", "table fan", "running shoes", "chess set", "water filter", "phone stand", "bread knife",
    "board game", "bath towels", "rain coat", "guitar strings", "wall clock", "sleeping bag", "paint brushes",
    "sewing kit", "soup bowls", "toolbox", "tent", "keyboard", "hand mixer", "bookshelf", "camera bag", "doormat",
)  # fmt: skip

REASONS = {
    "refund": ("arrived broken", "was charged twice", "never worked", "is not what was shown", "came without a part",
               "was cheaper a day later", "smells of glue", "was a present nobody wanted"),
    "exchange": ("is the wrong size", "is the wrong colour", "has a scratch", "makes a rattling noise",
                 "does not fit", "is the older model", "has a faulty switch", "is missing its cover"),
    "delivery": ("is going to my old address", "should go to a neighbour", "has been on its way for ages",
                 "is marked as delivered but is not here", "was ordered by mistake", "is needed sooner",
                 "went to the wrong flat", "is stuck at the depot"),
    "account": ("does not show in my account", "sits under my maiden name", "was ordered from a second account",
                "is linked to an old login", "shows up twice in my history", "belongs to my partner's account",
                "does not let me sign in to review it", "keeps sending me reminders"),
}  # fmt: skip

FIRST_NAMES = (
    "Amara", "Ben", "Chiara", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ines", "Jonas", "Keiko", "Liam", "Maya",
    "Noor", "Oskar", "Priya", "Quentin", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wren", "Yusuf", "Zofia",
)  # fmt: skip
LAST_NAMES = (
    "Abbott", "Bianchi", "Cohen", "Duarte", "Eriksen", "Fischer", "Gupta", "Haddad", "Ito", "Jansen", "Kowalski",
    "Laurent", "Moreau", "Novak", "Okafor", "Petrov", "Quinn", "Rossi", "Silva", "Tanaka", "Usman", "Vega", "Weber",
)  # fmt: skip
PLACES = (
    "Leeds", "Porto", "Graz", "Lyon", "Malmö", "Bergen", "Ghent", "Kraków", "Turin", "Cork", "Aarhus", "Bonn",
    "Tartu", "Utrecht", "Basel", "Split", "Varna", "Košice", "Tampere", "Seville",
)  # fmt: skip
DAYS = ("on Monday", "on Tuesday", "last Friday", "two weeks ago", "yesterday", "at the weekend", "earlier this month")
PAYMENTS = ("card", "invoice", "wallet")
METHODS = ("surname", "postcode")
CARRIERS = ("parcel post", "courier", "freight")
TIERS = ("standard", "silver", "gold")

OPENINGS = {
    "refund": (
        "Hello, the {item} I bought {day} {reason}. I would like my money back. Order {order}.",
        "Hi, {first} here from {place}. My {item} {reason} and I want a refund, order number {order}.",
        "Order {order}: {item} {reason}. Please refund it.",
        "I ordered a {item} {day} and it {reason}. Please send the money back, the order is {order}. {first} {last}",
    ),
    "exchange": (
        "Hello, my {item} {reason}. I would like to swap it. The order is {order}.",
        "Hi, this is {first} {last}. The {item} that came {day} {reason}; please exchange it, order {order}.",
        "Order {order}, {item}: it {reason}. I need another one in {place}.",
        "The {item} that came {day} {reason}, so I want a replacement. Order number {order}, name {last}.",
    ),
    "delivery": (
        "Hello, my {item} {reason}. The order number is {order}.",
        "Hi, {first} from {place}. The parcel with the {item} {reason}. Order {order}.",
        "Order {order}: the {item} I ordered {day} {reason}. Please sort this out.",
        "My {item} {reason}, and I leave {place} soon. The order is {order}, thanks. {first} {last}",
    ),
    "account": (
        "Hello, the {item} {reason}. Please put this right. Order {order}.",
        "Hi, {first} {last} here. My {item}, bought {day}, {reason}; the order is {order}.",
        "Order {order}: {item} {reason}. I have moved to {place} since.",
        "Something is off with my login: the {item} I bought {day} {reason}. Order {order}.",
    ),
}

CLARIFYING_QUESTIONS = (
    "Could you tell me a little more about the {item}?",
    "When exactly did the {item} reach you?",
    "Which of the items on the order is this about?",
    "What does the label on the {item} say, {first}?",
)
CLARIFICATIONS = (
    "It is the {item}, nothing else. It came {day}.",
    "Only the {item}. I am in {place}, by the way.",
    "As I said, the {item} {reason}.",
    "It came {day} and I opened it right away.",
)
APOLOGIES = (
    "I am sorry, {first}, our order system is giving me trouble with {order}.",
    "My apologies, your order does not come up on my side.",
    "Sorry about this, our system is slow with order {order} today.",
)
PATIENCE = ("No problem, take your time.", "All right, the number is {order}, as on my invoice.", "OK, I am waiting.")
CONFIRMATIONS = (
    "I will now go ahead with the {item} on order {order}. Shall I proceed?",
    "This will change order {order} for good. Do you confirm, {first}?",
    "Before I touch the order for the {item}: do you want me to proceed (yes/no)?",
)
CONSENTS = ("Yes, please.", "Yes, go ahead.", "Yes, that is right, the {item}.")
SMALL_TALK = (
    "I have the {item} in front of me now.",
    "Thank you for waiting, {first}.",
    "I am going through the details of {order}.",
    "This one is on my list, {first}, we are getting there.",
    "I see the shipment to {place}.",
    "One more step on order {order}.",
)
ACKNOWLEDGEMENTS = (
    "Great.",
    "Fine, thanks.",
    "OK.",
    "Good to know.",
    "Thanks, I am still here.",
    "Sure, {place}, yes.",
)
EMPATHY = (
    "I understand how frustrating this must be, {first}.",
    "It must be frustrating to wait for the {item}.",
    "I completely understand how frustrating that is.",
)
NOTES = (
    "Customer {first} {last}, {item}: {reason}.",
    "{last} ({place}) called about order {order}.",
    "{item} {reason}; spoke to {first}.",
)
POLICIES = (
    "Within 30 days of arrival, unused or faulty items such as a {item} are covered.",
    "A {item} is covered when it is reported within four weeks.",
    "Covered for {place} and the rest of Europe; the first request is free of charge.",
)
ARTICLES = (
    "What to do when a {item} {reason}",
    "Care for your {item}",
    "Orders to {place}: what to know",
    "Guide to parcels sent {day}",
)
HAND_OVERS = ("{first} {last}: {item} {reason}.", "Order {order}, {item}; {last} awaits a call in {place}.")
FAREWELLS = (
    "All done, {first}: order {order} is settled. Have a good day.",
    "The {item} is taken care of. You will get a message about order {order} shortly.",
    "That is arranged, {first}. Greetings to {place}.",
)
THANKS = ("Thank you!", "Thanks, bye.", "Much appreciated, greetings from {place}.")
