"""Which classes take part in message passing, and what becomes of the others.

A network's answer for one image names a few classes of many, and a class that is unlikely everywhere sends next to no
message. By default such classes are dropped: instead of filtering each of them, the engines keep, for each pixel, the
sum of their likelihoods and of its squares.

Beliefs sum to one, so the messages of all classes sum to a known number, the filters' answer to ones. What the kept
classes leave of it belongs to the dropped ones; each gets of it what it has of their likelihood in that pixel, and as
it is small its exponential is taken as 1 + message. So the softmax sees their weight to the first order.

What remains. Let a dropped class have beliefs of at most e, let the dropped classes hold a share m of a pixel, and let
w = pos_w + bi_w bound the sum of a pixel's messages (the filters of ones are about 1 under symmetric normalisation).
A message that is shared out wrongly is off by at most w * e, so in one step no belief of that pixel is off by more than
m * (exp(w * e) - 1): below 0.073 * m for the VOC settings. It is off by that only if the shares change from pixel to
pixel as much as they can; where they are smooth the error is of second order in e. The steps make m and e small where
the network is sure. Figures that were measured are in docs/crf.md.

A class that is nowhere likely but rivals the pixel's best one, as in an undecided answer over very many classes, is
kept for its ratio to the best. So a dropped class never holds a pixel's label.
"""

THRESHOLD = 1e-2  # a class that is at least so likely in some pixel is kept
RATIO = 0.1  # and so is one that has this share of the best class's probability in some pixel
