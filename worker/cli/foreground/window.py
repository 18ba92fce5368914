"""A window with a picture. Imports tkinter only when needed; it may be absent."""

import os
import sys
from collections.abc import Callable
from types import TracebackType

import click
from PIL import Image

from deeplab.errors import DeepLabError

_PAUSE = 10  # milliseconds between two steps of `run`
_OF_SCREEN = 0.85  # the largest share of the screen's width and height that a picture covers


class NoWindowError(DeepLabError):
    """No window can be opened."""


def has_display() -> bool:
    """Whether the environment names a display."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_window(title: str) -> "Window | None":
    """Open a window; None if there is no display, or, with the reason printed, if it cannot be used."""
    if not has_display():
        return None
    try:
        return Window(title)
    except NoWindowError as reason:
        click.echo(f"{reason} Writing a file instead.", err=True)
        return None


class Window:
    """A picture with a line of text below it; `q`, Escape and the window's button close it.

    Raises:
        NoWindowError: if this Python has no Tk, or the display does not answer.
    """

    def __init__(self, title: str) -> None:
        try:
            import tkinter

            from PIL import ImageTk
        except ImportError as error:
            raise NoWindowError(f"Cannot open a window: this Python has no Tk ({error}).") from error
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            raise NoWindowError(f"Cannot open a window: {error}.") from error
        self._photo = ImageTk.PhotoImage
        self._picture = tkinter.Label(self._root, borderwidth=0, highlightthickness=0, padx=0, pady=0)
        self._text = tkinter.Label(self._root, anchor="w")
        self._picture.pack(anchor="w")  # stays below the pointer when a longer text widens the window
        self._text.pack(fill="x")
        self._root.title(title)
        self._root.resizable(False, False)
        self.is_open = True
        self.pointer: tuple[int, int] | None = None  # column and row of the picture's pixel below the pointer
        self._failure: BaseException | None = None
        self._listen()

    def show(self, picture: Image.Image) -> None:
        """Show a picture, shrunk if the screen is too small for it."""
        screen = self._root.winfo_screenwidth(), self._root.winfo_screenheight()
        fitting = picture.copy()
        fitting.thumbnail((int(screen[0] * _OF_SCREEN), int(screen[1] * _OF_SCREEN)))
        self._shown = self._photo(fitting, master=self._root)  # kept, because Tk does not keep it
        self._picture.configure(image=self._shown)

    def write(self, text: str) -> None:
        """Change the line of text."""
        if self._text["text"] != text:
            self._text["text"] = text

    def run(self, step: Callable[[], None] = lambda: None) -> None:
        """Call `step` every few milliseconds until the window is closed; an exception closes it and is raised.

        Even an idle `step` lets Python notice Ctrl-C.
        """

        def tick() -> None:
            step()
            if self.is_open:
                self._root.after(_PAUSE, tick)

        self._root.after_idle(tick)
        self._root.mainloop()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """End `run`."""
        if self.is_open:
            self.is_open = False
            self._root.destroy()

    def _listen(self) -> None:
        for keys in ("<q>", "<Escape>"):
            self._root.bind(keys, lambda _: self.close())
        self._root.protocol("WM_DELETE_WINDOW", self.close)
        self._root.report_callback_exception = self._fail
        self._picture.bind("<Motion>", lambda event: self._point(event.x, event.y))
        self._picture.bind("<Leave>", lambda _: self._point())

    def _point(self, *pixel: int) -> None:
        self.pointer = (pixel[0], pixel[1]) if pixel else None

    def _fail(self, _kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
        self._failure = error
        self.close()
