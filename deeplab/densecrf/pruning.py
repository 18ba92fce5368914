"""Which classes take part in message passing.

A network's answer for one image names a few classes of many. A class that is unlikely everywhere sends next to no
message, so by default it is dropped: it keeps its likelihood in the softmax of each pixel, lumped with the other
dropped ones, and its message counts as zero.

What that can do. A message is at most w = pos_w * s + bi_w * b times the greatest belief of its class, where s and b
are the kernels' greatest row sums (the filters of ones, about 1 under symmetric normalisation). In one step a class
dropped at greatest belief e would therefore have gained a factor of at most exp(w * e) over what it is given, and if
the dropped classes hold a share m of a pixel, no belief of that pixel is off by more than m * (exp(w * e) - 1) for
that step. Where the network is sure, m and e fall by orders of magnitude with the first steps; measured figures are
in docs/crf.md. A class that is nowhere likely but rivals the pixel's best, as in an undecided answer over very many
classes, is kept for its ratio to the best; so dropped classes never hold a pixel's label.
"""

THRESHOLD = 1e-2  # a class that is at least so likely in some pixel is kept
RATIO = 0.1  # and so is one that has this share of the best class's probability in some pixel
