"""Mistakes in data: which labels are corrupted, what is normalized by what, what an image is."""

from __future__ import annotations

from harness.tests.mutants.mutant import into

CLAIMS = ("test_random_labels.py", "test_corruptions.py")

_labels = into("data/labels.py", "data/test_labels.py", "data/test_split.py", claims=CLAIMS)
_split = into("data/split.py", "data/test_split.py", "data/test_labels.py", claims=CLAIMS)
_crop = into("data/augmentation.py", "data/test_augmentation.py")
_scaled = into("data/preprocessing.py", "data/test_preprocessing.py")
_digits = into("data/digits.py", "data/test_digits.py", "data/test_split.py")
_stored = into("data/stored.py", "data/test_stored.py", "data/test_sources.py")
_readers = into("data/readers.py", "data/test_sources.py", "data/test_stored.py")
_inputs = into("data/inputs.py", "data/test_inputs.py", "data/test_split.py")
_subset = into("data/subset.py", "data/test_subset.py")
_subsets = into("data/random_subsets.py", "data/test_random_subsets.py", "analytic/test_long_tail.py")
_generated = into("data/generated.py", "data/test_generated.py", "data/test_split.py")
_gaussian = into("data/gaussian_images.py", "data/test_gaussian_images.py")
_folder = into("data/image_folder.py", "data/test_image_folder.py")
_kept = into("data/kept_pixels.py", "data/test_kept_pixels.py")
_decoding = into("data/decoding.py", "data/test_decoding.py", "data/test_image_folder.py")
_verified = into("data/verified.py", "data/test_verified.py")

MUTANTS = (
    _labels(
        "labels", "the share that is kept is corrupted",
        "replaced = generator.random(len(labels)) < self.fraction\n"
        "        drawn = generator.integers(classes,",
        "replaced = generator.random(len(labels)) >= self.fraction\n"
        "        drawn = generator.integers(classes,",
    ),
    _labels(
        "labels", "the first labels are corrupted, not random ones",
        "replaced = generator.random(len(labels)) < self.fraction\n        drawn = (labels",
        "import numpy as np\n\n"
        "        replaced = np.arange(len(labels)) < self.fraction * len(labels)\n        drawn = (labels",
    ),
    _labels(
        "labels", "a wrong label may be the true one",
        "generator.integers(1, classes, size=len(labels))) % classes",
        "generator.integers(0, classes, size=len(labels))) % classes",
    ),
    _labels(
        "labels", "the last class is never drawn",
        "drawn = generator.integers(classes, size=len(labels))",
        "drawn = generator.integers(classes - 1, size=len(labels))",
    ),
    _labels(
        "labels", "random labels permute the true ones",
        "drawn = generator.integers(classes, size=len(labels))",
        "drawn = generator.permutation(labels)",
    ),
    _labels(
        "labels", "labels corrupted at one fraction are not among those at a larger one",
        "replaced = generator.random(len(labels)) < self.fraction\n"
        "        drawn = generator.integers(classes,",
        "import numpy as np\n\n"
        "        rows = generator.choice(len(labels), round(self.fraction * len(labels)), replace=False)\n"
        "        replaced = np.isin(np.arange(len(labels)), rows)\n"
        "        drawn = generator.integers(classes,",
    ),
    _split(
        "labels", "test labels are corrupted too",
        "y_test=images.y_test,",
        'y_test=labels.apply(images.y_test, classes, stream(replicate, "labels", 0)),',
    ),
    _split(
        "labels", "the examples with true labels count as corrupted",
        "corrupted=corrupted != images.y_train,", "corrupted=corrupted == images.y_train,",
    ),
    _split(
        "labels", "the true labels are the corrupted ones",
        "y_true=images.y_train,", "y_true=corrupted,",
    ),
    _split(
        "seeds", "one draw of random labels for all replicates",
        'labels.apply(images.y_train, classes, stream(replicate, "labels"))',
        'labels.apply(images.y_train, classes, stream(0, "labels"))',
    ),
    _split(
        "seeds", "redrawn labels are the same in every epoch",
        'stream(replicate, "labels", epoch)', 'stream(replicate, "labels", 0)',
    ),
    _split(
        "seeds", "redrawn labels are the same for all replicates",
        'stream(replicate, "labels", epoch)', 'stream(0, "labels", epoch)',
    ),
    _split(
        "labels", "labels that are redrawn every epoch are drawn once",
        "redraw=_redrawing(images, labels, classes, replicate) if labels.per_epoch else None",
        "redraw=None",
    ),
    _crop(
        "augmentation", "test images are augmented too",
        "x_train, x_test = self._settled(inner.x_train), self._settled(inner.x_test)",
        "x_train, x_test = self._settled(inner.x_train), inner.x_test\n"
        "        for augmentation in self.augmentations:\n"
        '            x_test = augmentation.apply(x_test, stream(replicate, "augmentation"))\n'
        "        x_test = self._finished(x_test)",
    ),
    _crop(
        "seeds", "the same augmentation in every epoch",
        'stream(replicate, "augmentation", epoch)', 'stream(replicate, "augmentation")',
    ),
    _crop(
        "seeds", "the same augmentation for all replicates",
        'stream(replicate, "augmentation", epoch)', 'stream(0, "augmentation", epoch)',
    ),
    _crop(
        "augmentation", "all images of an epoch are cropped at one place",
        "places = generator.integers(0, room, size=(len(images), 2))",
        "places = np.broadcast_to(generator.integers(0, room, size=2), (len(images), 2))",
    ),
    _crop(
        "augmentation", "the last place of a crop is never drawn",
        "room = np.array(images.shape[2:]) + 2 * self.padding - self.side + 1",
        "room = np.maximum(np.array(images.shape[2:]) + 2 * self.padding - self.side, 1)",
    ),
    _crop(
        "augmentation", "images are turned upside down",
        "images[..., ::-1], images)", "images[..., ::-1, :], images)",
    ),
    _crop(
        "augmentation", "images are standardized before they are cropped",
        "images = augmentation.apply(images, generator)\n            return self._finished(images)",
        "images = augmentation.apply(self._finished(images), generator)\n            return images",
    ),
    _crop(
        "augmentation", "what is augmented are images cropped at their centre already",
        "images, generator = inner.x_train, stream", "images, generator = x_train, stream",
    ),
    _scaled(
        "normalization", "all images are standardized by one mean",
        "flat -= flat.mean(axis=1, keepdims=True)", "flat -= flat.mean()",
    ),
    _scaled(
        "normalization", "images are divided by their variance",
        "deviation = np.sqrt(np.square(flat).mean(axis=1, keepdims=True))",
        "deviation = np.square(flat).mean(axis=1, keepdims=True)",
    ),
    _scaled(
        "normalization", "the mean is not taken off",
        "    flat -= flat.mean(axis=1, keepdims=True)\n    deviation = np.sqrt(np.square(flat)",
        "    deviation = np.sqrt(np.square(flat - flat.mean(axis=1, keepdims=True))",
    ),
    _scaled(
        "normalization", "a constant image has no floor under its deviation",
        "np.maximum(deviation, np.float32(flat.shape[1] ** -0.5))",
        "np.maximum(deviation, np.float32(1e-8))",
    ),
    _scaled(
        "data", "channels are taken for columns",
        "cropped[rows].transpose(0, 3, 1, 2)", "cropped[rows].reshape(-1, images.shape[3], side, side)",
    ),
    _scaled(
        "data", "rows and columns are exchanged",
        "cropped[rows].transpose(0, 3, 1, 2)", "cropped[rows].transpose(0, 3, 2, 1)",
    ),
    _scaled(
        "data", "the corner of an image is kept, not its centre",
        "top, left = (images.shape[1] - side) // 2, (images.shape[2] - side) // 2", "top, left = 0, 0",
    ),
    _digits(
        "normalization", "digits of 17 levels are divided by 255",
        "prepare(images[rows], highest=HIGHEST, whiten", "prepare(images[rows], whiten",
    ),
    _digits(
        "data", "some test digits were trained on",
        "order[: self.n], order[self.n :]", "order[: self.n], order[self.n - 1 : -1]",
    ),
    _digits(
        "seeds", "all replicates train on the same digits",
        'stream(replicate, "data").permutation(TOTAL)', 'stream(0, "data").permutation(TOTAL)',
    ),
    _digits(
        "seeds", "all replicates see the same noise in place of digits",
        'stream(replicate, "noise")', 'stream(0, "noise")',
    ),
    _digits(
        "data", "test digits have the labels of others",
        "ImageSet(x_train, labels[train], x_test, labels[test])",
        "ImageSet(x_train, labels[train], x_test, labels[self.n :])",
    ),
    _stored(
        "seeds", "subsets of a collection are the same for all replicates",
        'generator = stream(replicate, "data")', 'generator = stream(0, "data")',
    ),
    _stored(
        "seeds", "all replicates see the same noise in place of a collection",
        'noise = stream(replicate, "noise")', 'noise = stream(0, "noise")',
    ),
    _stored(
        "data", "a subset is the collection's first images",
        "rows = generator.permutation(len(images))[:n]", "rows = slice(n)",
    ),
    _stored(
        "data", "training images are among the test images",
        "self._part(arrays.x_test, arrays.y_test, self.test_size, generator)",
        "self._part(arrays.x_train, arrays.y_train, self.test_size, generator)",
    ),
    _stored(
        "data", "images are drawn and labels are not",
        "images, labels = images[rows], labels[rows]", "images, labels = images[rows], labels[:n]",
    ),
    _stored(
        "data", "another replicate's images are kept in memory for this one",
        "mine = replicate if self._is_drawn() else None", "mine = None",
    ),
    _stored(
        "data", "images cropped otherwise are kept in memory for these",
        "key = (images_only, file.signature, mine)", "key = (type(self), file.signature, mine)",
    ),
    _readers(
        "data", "CIFAR's planes are read as pixels",
        "planes.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)",
        "planes.reshape(-1, height, width, channels)",
    ),
    _readers(
        "data", "CIFAR's red and blue are exchanged",
        "transpose(0, 2, 3, 1)\n", "transpose(0, 2, 3, 1)[..., ::-1]\n",
    ),
    _readers(
        "data", "MNIST's labels are shifted by one image",
        "np.frombuffer(labels, np.uint8, offset=8)",
        "np.roll(np.frombuffer(labels, np.uint8, offset=8), 1)",
    ),
    _readers(
        "data", "MNIST's training images are its test images too",
        "return Arrays(*part(archive.train), *part(archive.test))\n\n\ndef read_batches",
        "return Arrays(*part(archive.train), *part(archive.train))\n\n\ndef read_batches",
    ),
    _readers(
        "data", "labels from 1 to 10 are taken",
        "labels.max() >= archive.classes", "labels.max() > archive.classes",
    ),
    into("data/archives.py", "data/test_sources.py", "data/test_stored.py")(
        "labels", "CIFAR-100 has the labels of its 20 groups", 'label="fine_labels"', 'label="coarse_labels"',
    ),
    _inputs(
        "data", "test images keep their pixels where training images are shuffled",
        "return _permuted(train, order, in_place), _permuted(test, order, in_place)",
        "return _permuted(train, order, in_place), test",
    ),
    _inputs(
        "data", "every image has the first one's permutation of pixels",
        'order = keys.argsort(axis=1, kind="stable")',
        'order = np.broadcast_to(keys[0].argsort(kind="stable"), keys.shape)',
    ),
    _inputs(
        "data", "test images are noise, too",
        "            noise[rows] = draws * deviation + mean\n        return noise, test",
        "            noise[rows] = draws * deviation + mean\n"
        "        return noise, generator.standard_normal(test.shape, dtype=np.float32) * deviation + mean",
    ),
    _inputs(
        "normalization", "noise has the images' variance for its deviation",
        "max(squares / count - mean * mean, 0.0) ** 0.5", "max(squares / count - mean * mean, 0.0)",
    ),
    _subset(
        "labels", "the kept classes are numbered in another order",
        "new[list(self.kept)] = np.arange(len(self.kept))",
        "new[sorted(self.kept)] = np.arange(len(self.kept))",
    ),
    _subset(
        "seeds", "every replicate has the same images of the kept classes",
        'stream(replicate, "data", len(self.kept))', 'stream(0, "data", len(self.kept))',
    ),
    _subsets(
        "seeds", "all members of a fleet keep the same examples",
        "MEMBERS, member).permutation(n)", "MEMBERS).permutation(n)",
    ),
    _subsets(
        "data", "a member trains on what its mask holds out",
        "np.flatnonzero(kept_by(", "np.flatnonzero(~kept_by(",
    ),
    _generated(
        "data", "generated test images are the training images",
        "self._part(replicate, TEST, self.n_test)", "self._part(replicate, TRAIN, self.n_test)",
    ),
    _generated(
        "seeds", "all replicates have the same generated images",
        'stream(replicate, "data", part, number)', 'stream(0, "data", part, number)',
    ),
    _generated(
        "seeds", "all replicates see the same noise in place of generated images",
        'stream(replicate, "noise")', 'stream(0, "noise")',
    ),
    _generated(
        "data", "images get easier with difficulty",
        "clarity = 1 - difficulty", "clarity = difficulty",
    ),
    _gaussian(
        "data", "a block of noise images repeats",
        'stream(replicate, "data", part, number)', 'stream(replicate, "data", part)',
    ),
    _folder(
        "seeds", "training errors are measured on the same images for all replicates",
        'rows = stream(replicate, "data")', 'rows = stream(0, "data")',
    ),
    _folder(
        "labels", "classes are numbered as the disk lists them",
        "classes = tuple(sorted(entry.name for entry in os.scandir(folder) if entry.is_dir()))",
        "classes = tuple(sorted((e.name for e in os.scandir(folder) if e.is_dir()), reverse=True))",
    ),
    _kept(
        "data", "pixels that were left half written are trained on",
        "or _checksum(row, height, width, pixels) != checksum", "",
    ),
    _kept(
        "data", "pixels of one data set are read for another",
        ".join((content, str(short)", ".join((str(short)",
    ),
    _decoding(
        "seeds", "an image is augmented alike in every epoch",
        'stream(replicate, "augmentation", epoch, row)', 'stream(replicate, "augmentation", row)',
    ),
    _decoding(
        "normalization", "pixels are scaled to [0, 2]",
        "pixels.float() / 127.5 - 1", "pixels.float() / 127.5",
    ),
    _verified(
        "data", "a split with too few test images is accepted",
        '("test", data.test_size)', '("test", len(split.y_test))',
    ),
)  # fmt: skip
