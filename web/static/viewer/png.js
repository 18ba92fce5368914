// Decodes the tiles of label maps: 8-bit grey PNGs. Not by way of a canvas, because some browsers change what they read
// back from one to keep people from being tracked, and every number counts here.

const SIGNATURE = 8; // bytes

/** Decode a PNG of 8-bit grey, not interlaced: {width, height, values}, a byte per pixel. Throws if it is another. */
export async function decodeGreyPng(buffer) {
  const { header, data } = chunksOf(buffer);
  const [width, height] = [header.getUint32(0), header.getUint32(4)];
  if (header.getUint8(8) !== 8 || header.getUint8(9) !== 0 || header.getUint8(12) !== 0) {
    throw new Error("The tile is not a grey PNG of 8 bits.");
  }
  const stream = new Blob(data).stream().pipeThrough(new DecompressionStream("deflate"));
  const lines = new Uint8Array(await new Response(stream).arrayBuffer());
  return { width, height, values: unfilter(lines, width, height) };
}

function chunksOf(buffer) {
  const view = new DataView(buffer);
  const data = [];
  let header = null;
  for (let at = SIGNATURE; at < buffer.byteLength;) {
    const length = view.getUint32(at);
    const name = String.fromCharCode(...new Uint8Array(buffer, at + 4, 4));
    if (name === "IHDR") header = new DataView(buffer, at + 8, length);
    if (name === "IDAT") data.push(new Uint8Array(buffer, at + 8, length));
    at += length + 12;
  }
  if (!header) throw new Error("The tile is not a PNG.");
  return { header, data };
}

/** Undo the filter of each line; see section 9 of the PNG specification. */
function unfilter(lines, width, height) {
  if (lines.length !== (width + 1) * height) throw new Error("The tile is cut short.");
  const values = new Uint8Array(width * height);
  let above = new Uint8Array(width);
  for (let row = 0; row < height; row += 1) {
    const filter = lines[row * (width + 1)];
    const line = lines.subarray(row * (width + 1) + 1, (row + 1) * (width + 1));
    const here = values.subarray(row * width, (row + 1) * width);
    for (let x = 0; x < width; x += 1) {
      const left = x ? here[x - 1] : 0;
      here[x] = line[x] + predict(filter, left, above[x], x ? above[x - 1] : 0);
    }
    above = here;
  }
  return values;
}

function predict(filter, left, above, corner) {
  switch (filter) {
    case 0: return 0;
    case 1: return left;
    case 2: return above;
    case 3: return (left + above) >> 1;
    case 4: return paeth(left, above, corner);
    default: throw new Error(`The tile has the unknown filter ${filter}.`);
  }
}

function paeth(left, above, corner) {
  const byLeft = Math.abs(above - corner);
  const byAbove = Math.abs(left - corner);
  const byCorner = Math.abs(left + above - 2 * corner);
  if (byLeft <= byAbove && byLeft <= byCorner) return left;
  return byAbove <= byCorner ? above : corner;
}
