"""The Text tab: a text continued, or a chat with models that were made to chat."""

from __future__ import annotations

import html
import re
from typing import Any

import gradio as gr

from playground.catalog import ModelCard
from playground.events import Done, Event, Text
from playground.requests import TextGenerationRequest
from playground.tabs import frame
from playground.tabs.frame import Site
from playground.wiring import Job, Show, Updates, wire

LABEL = "Text"
TASK = TextGenerationRequest.task
CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)  # Markdown's, in which a tag is text already
EXAMPLES = (
    "Once upon a time there was a little girl who lived in a lighthouse.",
    "The old wizard opened the door and said,",
    "At the bottom of the garden, behind the rose bushes, there was a tiny door.",
    '"Where are we going?" asked the rabbit.',
    "The ship had been at sea for forty days when",
    "In the middle of the forest stood a castle, and in the castle",
)


def build(site: Site) -> None:
    """Lays the tab out and wires it."""
    frame.heading("Text generation", "Begin a story and the model goes on, one small piece of a word after the other.")
    cards = site.engine.catalog.serving(TASK)
    with gr.Row(equal_height=False, elem_classes="pg-tab"):
        with gr.Column(scale=2, min_width=300, elem_classes="pg-ask"):
            prompt = gr.Textbox(
                label="How does it begin? (prompt)", value=EXAMPLES[0], lines=4, max_lines=10, elem_id=f"{TASK}-prompt",
            )
            length = frame.slider(
                TextGenerationRequest, cards[0], "max_new_tokens", "Length", "In tokens; a word is one to three of them.",
            )
            parts = frame.buttons(TASK, "Write")
            with frame.later():
                frame.examples([[e] for e in EXAMPLES], [prompt])
                model, details = frame.model_choice(cards, TASK)
                with gr.Accordion("More control", open=False):
                    controls = sampling(cards[0])
        with gr.Column(scale=3, min_width=300):
            result = gr.HTML(page("", "The story appears here."), elem_id=f"{TASK}-result")
            chat = gr.Chatbot(
                label="Chat", visible=cards[0].chat, height=460, elem_id=f"{TASK}-chat", editable="user",
                sanitize_html=True, render_markdown=True, buttons=["copy"],
            )
            onward = gr.Button("Go on from here", size="sm", visible=False, elem_id=f"{TASK}-onward")
            written = gr.State("")
            made = gr.HTML(elem_id=f"{TASK}-made")
    controls |= {"prompt": prompt, "model": model, "max_new_tokens": length}
    job = Job(
        request=TextGenerationRequest, controls=controls | {"history": chat}, go=parts.go, stop=parts.stop,
        status=parts.status, made_by=made, begin=lambda values: shown(site, result, chat, prompt, written, onward),
        prepare=lambda values: prepare(values, site.engine.catalog.find(values["model"])),
    )
    quiet = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    more = onward.click(go_on, [model_is_chat(site, model), written, prompt], prompt, **quiet)
    again = chat.retry(from_turn, chat, [chat, prompt], **quiet)
    edited = chat.edit(from_edit, chat, [chat, prompt], **quiet)
    wire(
        site.engine, job, also=(prompt.submit,), after=(more, again, edited),
        outputs=(result, chat, prompt, written, onward),
    )

    def views(card: ModelCard) -> dict[gr.components.Component, Any]:
        label = "Your message (prompt)" if card.chat else "How does it begin? (prompt)"
        return {
            result: gr.update(visible=not card.chat), chat: gr.update(visible=card.chat), prompt: gr.update(label=label),
        }

    tuned = {k: v for k, v in controls.items() if isinstance(v, gr.Slider)}
    frame.follow_model(model, details, cards, TextGenerationRequest, tuned, more=views)


def model_is_chat(site: Site, model: gr.Dropdown) -> gr.State:
    """A state that says whether the chosen model chats."""
    state = gr.State(False)
    model.change(
        lambda name: site.engine.catalog.find(name).chat, model, state, queue=False, show_progress="hidden",
        api_visibility="private",
    )
    return state


def sampling(card: ModelCard) -> dict[str, gr.components.Component]:
    """The controls of how the next token is drawn."""
    request = TextGenerationRequest
    return {
        "temperature": frame.slider(
            request, card, "temperature", "Imagination (temperature)",
            "Low is careful, high is wild, 0 always takes the likeliest.",
        ),
        "top_p": frame.slider(
            request, card, "top_p", "Only likely words (top-p)", "Draws from the likeliest that together have this share.",
        ),
        "top_k": frame.slider(request, card, "top_k", "Only the best few (top-k)", "Draws from this many; 0 from all."),
        "repetition_penalty": frame.slider(
            request, card, "repetition_penalty", "Avoid repeating (repetition penalty)", "1 does nothing.",
        ),
        "seed": frame.seed_box(TASK),
    }


def prepare(values: dict[str, Any], card: ModelCard) -> dict[str, Any]:
    """Turns of the chat for models that chat; an empty message goes on with the last answer."""
    turns = tuple((turn["role"], text_of(turn)) for turn in values.pop("history") or ())
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
    return f'<div class="pg-page"><span class="pg-given">{html.escape(prompt)}</span>{html.escape(text)}{cursor}</div>'


def shown(site: Site, result: gr.HTML, chat: gr.Chatbot, prompt: gr.Textbox, written: gr.State, onward: gr.Button) -> Show:
    """Turns a run's events into the page of a book, or into the chat."""

    def show(event: Event, request: TextGenerationRequest) -> Updates:
        if not isinstance(event, Text | Done):
            return {}
        text = event.result.text if isinstance(event, Done) else event.text
        updates: Updates = {onward: gr.update(visible=True)} if isinstance(event, Done) else {}
        if site.engine.catalog.find(request.model).chat:
            turns = [{"role": role, "content": content} for role, content in request.history]
            if request.continues:
                turns[-1]["content"] += text
            else:
                turns += [{"role": "user", "content": request.prompt}, {"role": "assistant", "content": text}]
            for turn in turns:
                turn["content"] = with_escapes(turn["content"])
            return updates | {chat: turns, prompt: ""}
        start = request.prompt.rstrip(" \t")
        if isinstance(event, Done):
            updates[written] = start + text
        return updates | {result: page(start, text, writing=isinstance(event, Text))}

    return show
