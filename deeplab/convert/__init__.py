"""Weights from other frameworks."""

from deeplab.convert.caffe import DATASETS, convert_caffemodel

__all__ = ["DATASETS", "convert_caffemodel"]
