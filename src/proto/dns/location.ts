/** The data of LOC records: a position on the Earth, with its size and precision (RFC 1876). */
import type { Reader } from '../bytes.ts'
import type { Word } from './words.ts'

const octetCount = 16
/** The equator and the prime meridian, in thousandths of an arc second. */
const zeroAngle = 2 ** 31
/** The reference is 100 km below the spheroid, in centimeters. */
const zeroAltitude = 10_000_000
const expected = 'a position such as 52 22 23.000 N 4 53 32.000 E 2.00m'

/** @throws {RangeError} with what was expected */
export function parseLocation(words: Word[]): Uint8Array {
  const texts = words.splice(0).map(({ text }) => text)
  const latitude = parseAngle(texts, 90, 'NS')
  const longitude = parseAngle(texts, 180, 'EW')
  const [altitude, size = '1m', horizontal = '10000m', vertical = '10m', ...more] = texts
  if (altitude === undefined || more.length > 0) throw new RangeError(`expected ${expected}`)
  const view = new DataView(new ArrayBuffer(octetCount))
  for (const [index, text] of [size, horizontal, vertical].entries())
    view.setUint8(1 + index, precision(text))
  view.setUint32(4, latitude)
  view.setUint32(8, longitude)
  const centimeters = zeroAltitude + parseCentimeters(altitude)
  if (centimeters < 0 || centimeters > 0xffff_ffff)
    throw new RangeError('expected an altitude from -100000m to 42849672m')
  view.setUint32(12, centimeters)
  return new Uint8Array(view.buffer)
}

/** Removes degrees, minutes, and seconds up to the direction. */
function parseAngle(texts: string[], max: number, directions: string): number {
  const end = texts.findIndex((text) => text.length === 1 && directions.includes(text.toUpperCase()))
  const [degrees = '', minutes = '0', seconds = '0'] = texts.slice(0, end)
  const isValid =
    end >= 1 &&
    end <= 3 &&
    /^\d{1,3}$/.test(degrees) &&
    /^[0-5]?\d$/.test(minutes) &&
    /^[0-5]?\d(?:\.\d{1,3})?$/.test(seconds)
  const thousandths =
    Number(degrees) * 3_600_000 + Number(minutes) * 60_000 + Math.round(Number(seconds) * 1000)
  if (!isValid || thousandths > max * 3_600_000) throw new RangeError(`expected ${expected}`)
  const [direction = ''] = texts.splice(0, end + 1).slice(-1)
  return zeroAngle + (direction.toUpperCase() === directions[0] ? thousandths : -thousandths)
}

function parseCentimeters(text: string): number {
  if (!/^-?\d{1,8}(?:\.\d{1,2})?m?$/.test(text)) throw new RangeError(`expected meters, got ${text}`)
  return Math.round(Number(text.replace(/m$/, '')) * 100)
}

/** Returns the mantissa and the exponent of a number of centimeters, four bits each. */
function precision(text: string): number {
  const centimeters = parseCentimeters(text)
  const digits = String(centimeters)
  if (centimeters < 0 || digits.length > 10)
    throw new RangeError(`expected a size from 0m to 90000000m, got ${text}`)
  return centimeters === 0 ? 0 : (Number(digits[0]) << 4) | (digits.length - 1)
}

/** @throws {RangeError} for another version of the format, and for octets that mean no position */
export function formatLocation(reader: Reader): string {
  if (reader.u8() !== 0) throw new RangeError('expected version 0')
  const sizes = [reader.u8(), reader.u8(), reader.u8()].map((octet) => {
    const [mantissa, exponent] = [octet >>> 4, octet & 15]
    if (mantissa > 9 || exponent > 9) throw new RangeError('expected digits in a size')
    return meters(mantissa * 10 ** exponent)
  })
  const [latitude, longitude] = [formatAngle(reader.u32(), 90, 'NS'), formatAngle(reader.u32(), 180, 'EW')]
  return [latitude, longitude, meters(reader.u32() - zeroAltitude), ...sizes].join(' ')
}

function formatAngle(angle: number, max: number, directions: string): string {
  const thousandths = Math.abs(angle - zeroAngle)
  if (thousandths > max * 3_600_000) throw new RangeError(`expected at most ${max} degrees`)
  const [degrees, rest] = [Math.floor(thousandths / 3_600_000), thousandths % 3_600_000]
  const seconds = ((rest % 60_000) / 1000).toFixed(3)
  return `${degrees} ${Math.floor(rest / 60_000)} ${seconds} ${directions[angle >= zeroAngle ? 0 : 1] as string}`
}

function meters(centimeters: number): string {
  return `${(centimeters / 100).toFixed(2)}m`
}
