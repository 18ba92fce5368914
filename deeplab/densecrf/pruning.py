"""The rule that says which classes take part in message passing, and what becomes of the others.

A model's answer for one image names a few classes of many, and a class that is unlikely everywhere sends next to no
message. By default such classes are dropped: instead of filtering each of them, the engines keep, for each pixel, the
sum of their likelihoods and of its squares.

Beliefs sum to one, so the messages of all classes sum to a known number, the filters' answer to ones. What the kept
classes leave of it belongs to the dropped ones; each gets of it what it has of their likelihood in that pixel, and as
it is small its exponential is taken as 1 + message. So the softmax sees their weight to the first order.

What remains. Messages are never negative, so the likelihoods times exp(message) of a pixel sum to at least one and no
belief of a dropped class comes to exceed its likelihood by more than the factor that its own message gives. With w for
the sum of a pixel's messages (about pos_w + bi_w under symmetric normalisation), e for `THRESHOLD` and m for the share
of a pixel's likelihood that is dropped, a dropped class's message lies in 0..w * e, and what is shared out is held to
that too. So a step sees the dropped weight wrong by at most the factor exp(w * e), and no belief of the pixel is off
by more than m * (exp(w * e) - 1) for that step: 0.073 * m for the VOC settings. It is that much only where the shares
change from pixel to pixel as much as they can; where they are smooth the error is of second order in e, and m falls
with the first steps where the model is sure. Figures that were measured are in docs/crf.md.

A class that is nowhere likely but rivals the pixel's best one, as in an undecided answer over very many classes, is
kept for its ratio to the best. So a dropped class never holds a pixel's label.
"""

THRESHOLD = 1e-2  # a class that is at least so likely in some pixel is kept
RATIO = 0.1  # and so is one that has this share of the best class's probability in some pixel
