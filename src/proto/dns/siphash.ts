/** SipHash-2-4, a keyed 64-bit hash for short messages (Aumasson and Bernstein, 2012; RFC 9018 §4.4). */

/** Two 32-bit halves, the higher first. */
type Word = [number, number]

/** @param key 16 octets */
export function sipHash(key: Uint8Array, message: Uint8Array): Uint8Array {
  const [k0, k1] = [readWord(key, 0), readWord(key, 8)]
  const state: [Word, Word, Word, Word] = [
    xor(k0, [0x736f6d65, 0x70736575]),
    xor(k1, [0x646f7261, 0x6e646f6d]),
    xor(k0, [0x6c796765, 0x6e657261]),
    xor(k1, [0x74656462, 0x79746573]),
  ]
  // The last block has the remaining octets, and the message's length in its most significant octet.
  const padded = new Uint8Array((message.length & ~7) + 8)
  padded.set(message)
  padded[padded.length - 1] = message.length
  for (let at = 0; at < padded.length; at += 8) {
    const word = readWord(padded, at)
    state[3] = xor(state[3], word)
    rounds(state, 2)
    state[0] = xor(state[0], word)
  }
  state[2] = xor(state[2], [0, 0xff])
  rounds(state, 4)
  const [high, low] = xor(xor(state[0], state[1]), xor(state[2], state[3]))
  const out = new DataView(new ArrayBuffer(8))
  out.setInt32(0, low, true)
  out.setInt32(4, high, true)
  return new Uint8Array(out.buffer)
}

function rounds(state: [Word, Word, Word, Word], count: number): void {
  let [a, b, c, d] = state
  for (let round = 0; round < count; round++) {
    a = add(a, b)
    b = xor(rotate(b, 13), a)
    a = rotate(a, 32)
    c = add(c, d)
    d = xor(rotate(d, 16), c)
    a = add(a, d)
    d = xor(rotate(d, 21), a)
    c = add(c, b)
    b = xor(rotate(b, 17), c)
    c = rotate(c, 32)
  }
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = d
}

function add([ah, al]: Word, [bh, bl]: Word): Word {
  const low = (al >>> 0) + (bl >>> 0)
  return [(ah + bh + (low > 0xffffffff ? 1 : 0)) | 0, low | 0]
}

function xor([ah, al]: Word, [bh, bl]: Word): Word {
  return [ah ^ bh, al ^ bl]
}

/** Rotates to the left by up to 32 bits. */
function rotate([high, low]: Word, bits: number): Word {
  if (bits === 32) return [low, high]
  return [(high << bits) | (low >>> (32 - bits)), (low << bits) | (high >>> (32 - bits))]
}

function readWord(octets: Uint8Array, at: number): Word {
  const view = new DataView(octets.buffer, octets.byteOffset + at, 8)
  return [view.getInt32(4, true), view.getInt32(0, true)]
}
