"""Everyday sentences that story books lack: greetings, questions, announcements, numbers, dates, prices and names."""

from __future__ import annotations

import random

FIRST = (
    "Anna Ben Carla David Emma Frank Grace Henry Isabel Jack Karen Liam Maria Noah Olivia Peter Rachel Sam Tina Victor Wendy"
    " Zoe Thomas Julia Oscar Fatima Ahmed Priya Chen Yuki Hans Sofia Pablo Ingrid Nina Kofi Amara Leila Ivan Chloe"
).split()
FAMILY = (
    "Smith Jones Taylor Brown Wilson Evans Walker Wright Green Baker Turner Cooper Morris Hughes Edwards Clark Young Martin"
    " Garcia Lopez Miller Davis Schmidt Rossi Novak Kim Nguyen Patel Singh Khan Andersen Murphy Kelly O'Brien"
).split()
PLACES = (
    "London Paris Berlin Madrid Rome Vienna Boston Chicago Dallas Denver Seattle Toronto Sydney Tokyo Dublin Edinburgh Oxford"
    " Cambridge Amsterdam Brussels Lisbon Prague Warsaw Athens Cairo Delhi Nairobi Mexico Brazil Canada Germany Italy Japan"
).split()
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
THINGS = (
    "apple book bottle camera chair coat computer cup door garden guitar jacket key kitchen lamp laptop letter map mirror"
    " newspaper orange painting phone picture plate printer screen shirt shoe spoon table ticket towel umbrella wallet window"
).split()
FOODS = "bread cheese soup rice salad coffee tea water juice milk pasta fish chicken chocolate butter sugar".split()
QUALITIES = (
    "big small old new red blue green yellow beautiful cheap expensive heavy light warm cold quick slow quiet noisy clean"
    " broken excellent strange ordinary comfortable dangerous"
).split()
ACTIONS = (
    "open close find buy sell clean repair bring carry paint draw print read show sharpen send return watch change check"
).split()
JOBS = "teacher doctor driver engineer farmer nurse painter pilot singer student writer waiter lawyer baker".split()
TOPICS = (
    "artificial intelligence|machine learning|the weather|the news|music|football|climate change|the internet|photography|"
    "mathematics|history|science|space travel|electric cars|healthy food|the economy|language|video games"
).split("|")
TEMPLATES = (
    "Hello, my name is {first} {family}.", "Hello! How are you today?", "Good morning, {first}. Did you sleep well?",
    "Good evening, ladies and gentlemen, and welcome to {place}.", "Nice to meet you, {first}.", "Welcome to the playground!",
    "Thank you very much for your help.", "You are welcome, {first}.", "I am sorry, I did not hear you.",
    "Could you {action} the {thing}, please?", "Where is the {quality} {thing}?", "Who took my {thing}?",
    "Why is the {thing} so {quality}?", "When does the next train to {place} leave?", "How much does this {thing} cost?",
    "What time is it?", "Do you like {food} or {food2}?", "Would you like some {food} with your {food2}?",
    "Have you ever been to {place}?", "Is there a {quality} {thing} in the {thing2}?", "Can I {action} this {thing} tomorrow?",
    "The number is {number}.", "It costs {dollars} dollars and {cents} cents.", "There are {count} people in the room.",
    "The answer is {number}, not {number2}.", "Please call {digits}.", "My telephone number is {digits}, {digits2}.",
    "She was born on {month} {ordinal}, {year}.", "The meeting is on {day}, {month} {ordinal}.",
    "The train leaves at {hour} {minute}.", "The bus arrives at {hour} o'clock on {day}.", "In {year}, he moved to {place}.",
    "About {percent} percent of the {thing}s were {quality}.", "It is {degrees} degrees in {place} today.",
    "The {ordinal} chapter is about {topic}.", "Take the {ordinal} street on the left, then turn right.",
    "{first} and {first2} went to {place} with a {quality} {thing}.", "Doctor {family} is a {job} from {place}.",
    "Mister {family} said that the {thing} was {quality}.", "Missus {family} wants to {action} a {thing}.",
    "I would like {count2} {thing}s and a cup of {food}, please.", "We need {food}, {food2}, and {count2} bottles of {food3}.",
    "The {quality} {thing} is on the {thing2}.", "Please {action} the {thing} before {day}.", "Let's talk about {topic}.",
    "This model was trained to read text aloud.", "You can change the speed and the pitch of my voice.",
    "Write something, and I will say it.", "A computer can draw a {thing}, but it can't drink {food}.",
    "He is a {job}, she is a {job2}, and they live in {place}.", "Don't forget the {thing}!", "What a {quality} {thing}!",
    "Stop! That's my {thing}!", "Yes.", "No.", "Of course!", "Maybe, {first}.", "One, two, three, four, five.",
    "Are you ready? Let's go!", "I'm not sure, but I think it's {quality}.", "They've never seen {topic} like this.",
    "Please mind the gap.", "The next station is {place}.", "Attention please: the {hour} {minute} to {place} is late.",
    "If it rains on {day}, we'll stay at home and {action} the {thing}.", "Twenty {thing}s cost less than {dollars} dollars.",
    "For more about {topic}, see page {count}.", "Press the {quality} button, and wait for {count2} seconds.",
    "A {quality} {thing}, a {quality2} {thing2}, and some {food}.", "The letters are {letters}.",
)
ORDINALS = "1st 2nd 3rd 4th 5th 6th 8th 9th 10th 11th 12th 13th 17th 20th 21st 22nd 23rd 28th 30th 31st".split()
ONES = "zero one two three four five six seven eight nine".split()


def phrase(rng: random.Random) -> str:
    """One sentence by lot."""
    def digits(count: int) -> str:
        return " ".join(rng.choice(ONES) for _ in range(count))

    def number() -> str:
        return str(rng.choice((rng.randint(0, 20), rng.randint(21, 99), rng.randint(100, 9_999), rng.randint(10**4, 10**7))))

    values = {
        "number": number(), "number2": number(), "digits": digits(3), "digits2": digits(4),
        "dollars": rng.randint(2, 120), "cents": rng.randint(2, 99), "count": rng.randint(2, 400), "count2": rng.randint(2, 12),
        "ordinal": rng.choice(ORDINALS),
        "year": rng.randint(1700, 2035), "hour": rng.randint(1, 12), "minute": rng.choice((15, 20, 25, 30, 40, 45, 50)),
        "letters": ", ".join(rng.sample("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 4)),
        "percent": rng.randint(2, 99), "degrees": rng.randint(2, 40),
        "month": rng.choice(MONTHS), "day": rng.choice(DAYS), "family": rng.choice(FAMILY), "topic": rng.choice(TOPICS),
        "action": rng.choice(ACTIONS), "place": rng.choice(PLACES),
    }
    for name, choices, several in (
        ("first", FIRST, 2), ("thing", THINGS, 2), ("food", FOODS, 3), ("quality", QUALITIES, 2), ("job", JOBS, 2),
    ):
        for index, value in enumerate(rng.sample(choices, several)):
            values[name + (str(index + 1) if index else "")] = value
    return rng.choice(TEMPLATES).format(**values)
