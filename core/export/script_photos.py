"""The part of a script that reads photos: the table, a picture, changed views, batches."""

from __future__ import annotations

from collections.abc import Iterator

from core.export.script_facts import Facts

_READ = '''\
def read_photos(folder):
    """Return the files and the labels of each split, in the order of photos.csv."""
    splits = {"train": ([], []), "validation": ([], []), "test": ([], [])}
    with (HERE / "photos.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            files, labels = splits[row["split"]]
            named = folder / row["file"]
            # The second name is the one in the folder of the dataset in a workspace of Thaw.
            files.append(named if named.is_file() else folder / row["stored"])
            labels.append(CLASSES.index(row["class"]))
    missing = [file for files, _labels in splits.values() for file in files if not file.is_file()]
    if missing:
        sys.exit(f"{len(missing)} photos of photos.csv are not in {folder}, such as {missing[0]}")
    return splits
'''

_LOAD = '''\
def load(file):
    """Return a photo as the network sees it: RGB in 0..255, all of it, made square."""
    with Image.open(file) as photo:
        photo.draft(None, (SIZE, SIZE))  # a large JPEG is decoded at 1/2, 1/4 or 1/8 of its size
        photo = ImageOps.exif_transpose(photo)
        if photo.has_transparency_data:  # it is laid on white
            photo = photo.convert("RGBA")
            photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo)
        photo = photo.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        return np.asarray(photo)
'''

_CHANGED = '''\
def changed(photo, file, view):
    """Return a view of a photo, mirrored, turned and zoomed; it follows from seed, view and bytes."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    random = np.random.default_rng((SEED, view, int(digest[:16], 16)))
    mirror = -1.0 if random.integers(2) else 1.0
    angle = math.radians(random.uniform(-DEGREES, DEGREES))
    scale = 1.0 + random.uniform(-ZOOM, ZOOM)
    # What a turn uncovers is filled with the photo's mirrored edge.
    border = SIZE // 2
    padded = np.pad(photo, ((border, border), (border, border), (0, 0)), mode="reflect")
    middle = (SIZE - 1) / 2
    centre = border + middle
    cosine, sine = math.cos(angle) * scale, math.sin(angle) * scale
    matrix = (
        cosine * mirror, -sine, centre - (cosine * mirror - sine) * middle,
        sine * mirror, cosine, centre - (sine * mirror + cosine) * middle,
    )
    return np.asarray(Image.fromarray(padded).transform(
        (SIZE, SIZE), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))
'''

_BATCHES = '''\
class Batches(keras.utils.PyDataset):
    """Photos and labels in batches, each photo decoded when it is needed."""

    def __init__(self, files, labels, batch_size):
        super().__init__()
        self.files, self.labels, self.batch_size = files, np.array(labels, "int32"), batch_size
        self.order = np.arange(len(files))
{view_unset}
    def begin(self, epoch):
        """Put the photos into the order of an epoch, which follows from the seed and its number."""
        self.order = np.arange(len(self.files))
        np.random.default_rng((SEED, epoch)).shuffle(self.order)
{view_set}
    def __len__(self):
        return math.ceil(len(self.files) / self.batch_size)

    def __getitem__(self, index):
        at = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        images = np.stack([{each} for place in at])
        return images, {labels}
'''

_PHOTO = '''\

    def photo(self, file):
        """Return a photo, changed where it is to be learned from."""
        return load(file) if self.view is None else changed(load(file), file, self.view)
'''


def photos(facts: Facts) -> Iterator[str]:
    """Yield the functions and classes, each ending with a line break."""
    yield _READ
    yield _LOAD
    if facts.augmented:
        yield _CHANGED
    yield _batches(facts)


def _batches(facts: Facts) -> str:
    unset = view_set = ""
    if facts.augmented:
        number = "epoch % VIEWS" if facts.plan.recipe.views else "epoch"
        unset = "        self.view = None  # which view of each photo is seen; none but the photo itself\n"
        view_set = f"        self.view = {number}\n"
    labels = (
        'np.eye(len(CLASSES), dtype="float32")[self.labels[at]]' if facts.smooths else "self.labels[at]")
    each = "self.photo(self.files[place])" if facts.augmented else "load(self.files[place])"
    text = _BATCHES.format(view_unset=unset, view_set=view_set, each=each, labels=labels)
    return text + (_PHOTO if facts.augmented else "")
