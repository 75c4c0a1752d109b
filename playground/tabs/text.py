"""The Text tab: a text continued, or a chat with models that were made to chat."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

import gradio as gr

from playground import choices
from playground.catalog import ModelCard
from playground.events import Done, Event, Text
from playground.remembered import remember
from playground.requests import TextGenerationRequest
from playground.site import QUIET, Door, Site
from playground.tabs import additions, frame, pictures, use_in
from playground.tabs import cards as examples
from playground.tabs.use_in import Made, Offers
from playground.wiring import Job, Show, Updates, wire
from playground.wording import say

TASK = TextGenerationRequest.task
CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)  # Markdown's, in which a tag is text already


@dataclass(frozen=True, kw_only=True)
class Views:
    """What a run updates: the page of a book or the chat, the prompt, what is offered for the text, the story."""

    result: gr.HTML
    chat: gr.Chatbot
    prompt: gr.Textbox
    written: gr.State
    onward: gr.Button
    offers: Offers
    story: gr.State

    def outputs(self) -> tuple[gr.components.Component, ...]:
        """All of them."""
        return self.result, self.chat, self.prompt, self.written, self.onward, *self.offers.outputs(), self.story


def build(site: Site) -> Offers:
    """Lays the tab out and wires it."""
    head = frame.heading(TASK)
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            prompt = gr.Textbox(
                label=say("text_generation.prompt"), info=say("text_generation.prompt_help"), lines=4, max_lines=10,
                value=examples.of(TASK)[0].request["prompt"], elem_id=f"{TASK}-prompt",
            )
            counter = additions.token_line(site, TASK)
            length = frame.slider(TextGenerationRequest, cards[0], "max_new_tokens")
            parts = frame.buttons(TASK)
            with frame.later():
                with gr.Column(elem_classes=frame.EXPERT):
                    model, details = frame.model_choice(site, TASK)
                with frame.more():
                    controls = sampling(cards[0])
                    added = additions.build(site, TASK, cards[0], loras=False)
        with gr.Column(scale=3, min_width=300, elem_classes="pg-show"):
            views = result_views(site, prompt, chats=cards[0].chat)
            made = gr.HTML(elem_id=f"{TASK}-made")
            row = examples.row(TASK)
    controls |= {"prompt": prompt, "model": model, "max_new_tokens": length} | added.controls
    turned = [views.chat, prompt]
    more = views.onward.click(go_on, [model_is_chat(site, model), views.written, prompt], prompt, **QUIET)
    again = views.chat.retry(from_turn, views.chat, turned, **QUIET)
    edited = views.chat.edit(from_edit, views.chat, turned, **QUIET)
    job = Job(
        place=TASK, request=TextGenerationRequest, controls=controls | {"history": views.chat}, made_by=made,
        begin=lambda values: shown(site, views), triggers=(parts.go.click, prompt.submit), after=(more, again, edited),
        prepare=lambda values: prepare(values, site.engine.catalog.find(values["model"])), **vars(parts),
    )

    def changed(card: ModelCard) -> Updates:
        label = say("text_generation.message") if card.chat else say("text_generation.prompt")
        return {
            views.result: gr.update(visible=not card.chat), views.chat: gr.update(visible=card.chat),
            prompt: gr.update(label=label, info=frame.asked(TASK, card)),
        } | added.chosen(card)

    tuned = {k: v for k, v in controls.items() if isinstance(v, gr.Slider)}
    chosen = frame.follow_model(site, model, details, TextGenerationRequest, tuned, more=changed, head=head)
    begin_anew(site, model, prompt)
    wire(site, job, frame.card_job(job, row, controls, chosen), outputs=views.outputs())
    remember(site, TASK, controls, chosen, parts.go, fresh=added.fresh)
    additions.count_tokens(site, counter, model, prompt)
    site.doors[TASK] = Door(model=model, status=parts.status, words=prompt)
    return views.offers


def result_views(site: Site, prompt: gr.Textbox, *, chats: bool) -> Views:
    """The page of a book with the tab's first example, and the chat in its place for models that chat."""
    example = examples.of(TASK)[0]
    first = f'<div class="pg-earlier">{page(example.request["prompt"], example.text)}{pictures.ribbon(example.title)}</div>'
    result = gr.HTML(first, elem_id=f"{TASK}-result", visible=not chats)
    chat = gr.Chatbot(
        label=say("text_generation.chat"), visible=chats, height=460, elem_id=f"{TASK}-chat", editable="user",
        sanitize_html=True, render_markdown=True, buttons=["copy"],
    )
    onward = gr.Button(say("text_generation.onward"), size="sm", elem_id=f"{TASK}-onward", min_width=140, render=False)
    return Views(
        result=result, chat=chat, prompt=prompt, written=gr.State(""), onward=onward, offers=use_in.offers(TASK, onward),
        story=site.story,
    )


def model_is_chat(site: Site, model: gr.Dropdown) -> gr.State:
    """A state that says whether the chosen model chats."""
    state = gr.State(False)

    def chats(name: str) -> Any:
        return site.engine.catalog.find(name).chat if choices.serves(site, name, TASK) else gr.skip()

    model.change(chats, model, state, **QUIET)
    return state


def begin_anew(site: Site, model: gr.Dropdown, prompt: gr.Textbox) -> None:
    """Takes the example's beginning of a story out of the prompt when a model is chosen that chats, and puts one back with
    a model that does not; whatever a visitor wrote stays."""
    before = gr.State(model.value)
    stories = [example.request["prompt"] for example in examples.of(TASK)]

    def follow(name: Any, last: str, text: Any) -> Updates:
        if name == last or not choices.serves(site, name, TASK):
            return {before: gr.skip()}
        if site.engine.catalog.find(name).chat:
            return {before: name} | ({prompt: ""} if text in stories else {})
        return {before: name} | ({prompt: stories[0]} if not (text or "").strip() else {})

    model.change(follow, [model, before, prompt], [before, prompt], **QUIET)


def sampling(card: ModelCard) -> dict[str, gr.components.Component]:
    """The controls of how the next token is drawn."""
    named = ("temperature", "top_p", "top_k", "repetition_penalty")
    sliders = {name: frame.slider(TextGenerationRequest, card, name) for name in named}
    return sliders | {"seed": frame.seed_box(TASK)}


def prepare(values: dict[str, Any], card: ModelCard) -> dict[str, Any]:
    """Turns of the chat for models that chat; an empty message goes on with the last answer."""
    turns = tuple((turn["role"], text_of(turn)) for turn in values.pop("history", None) or ())
    if not card.chat:
        return values
    if not (values["prompt"] or "").strip() and turns and turns[-1][0] == "assistant":
        values["prompt"] = next((text for role, text in reversed(turns) if role == "user"), "")
    return values | {"history": turns}


def text_of(turn: dict[str, Any]) -> str:
    """A chat turn's text; Gradio gives it plain or in parts."""
    content = turn["content"]
    if not isinstance(content, str):
        content = "".join(part if isinstance(part, str) else part.get("text", "") for part in content)
    return without_escapes(content)


def with_escapes(text: str) -> str:
    """A text for the chat, which takes Markdown and would also take HTML: a tag is shown as it was written."""
    parts = CODE.split(text)
    parts[::2] = [part.replace("&", "&amp;").replace("<", "&lt;") for part in parts[::2]]
    return "".join(parts)


def without_escapes(text: str) -> str:
    """The text of which with_escapes made this."""
    parts = CODE.split(text)
    parts[::2] = [part.replace("&lt;", "<").replace("&amp;", "&") for part in parts[::2]]
    return "".join(parts)


def go_on(chatting: bool, written: str, prompt: str) -> str:
    """The prompt for going on: nothing in a chat, else all that was written."""
    if chatting:
        return ""
    return written[-1_900:] if written else prompt


def from_turn(turns: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """Regenerate: the chat before its last question, and that question as the prompt."""
    last = max((i for i, turn in enumerate(turns) if turn["role"] == "user"), default=0)
    return turns[:last], text_of(turns[last]) if turns else ""


def from_edit(turns: list[dict[str, Any]], edit: gr.EditData) -> tuple[list[dict[str, Any]], str]:
    """Edit a turn: the chat before it, and its new text as the prompt."""
    index = edit.index if isinstance(edit.index, int) else edit.index[0]
    return turns[:index], without_escapes(str(edit.value))


def page(prompt: str, text: str, *, writing: bool = False) -> str:
    """Prompt and continuation as a page of a book."""
    cursor = '<span class="pg-cursor"></span>' if writing else ""
    label = html.escape(say("text_generation.page"))
    return (
        f'<div class="pg-page" tabindex="0" role="region" aria-label="{label}"><span class="pg-given">{html.escape(prompt)}'
        f"</span>{html.escape(text)}{cursor}</div>"
    )


def shown(site: Site, views: Views) -> Show:
    """Turns a run's events into the page of a book, or into the chat."""

    def show(event: Event, request: TextGenerationRequest) -> Updates:
        if not isinstance(event, Text | Done):
            return {}
        text = event.result.text if isinstance(event, Done) else event.text
        start = request.prompt.rstrip(" \t")
        chats = site.engine.catalog.find(request.model).chat
        updates: Updates = {}
        if isinstance(event, Done):
            story = text if chats else start + text
            updates = views.offers.updates(Made(words=story.strip())) | {views.story: story.strip()}
        if chats:
            return updates | {views.chat: turned(request, text), views.prompt: ""}
        if isinstance(event, Done):
            updates[views.written] = start + text
        return updates | {views.result: page(start, text, writing=isinstance(event, Text))}

    return show


def turned(request: TextGenerationRequest, answer: str) -> list[dict[str, str]]:
    """The chat with an answer as far as it is written."""
    turns = [{"role": role, "content": content} for role, content in request.history]
    if request.continues:
        turns[-1]["content"] += answer
    else:
        turns += [{"role": "user", "content": request.prompt}, {"role": "assistant", "content": answer}]
    return [turn | {"content": with_escapes(turn["content"])} for turn in turns]
