/** HTTP: requests with one damaged header field. */
import t from 'tap'
import { rootfs, routesWorld } from '../support/http-service.ts'
import { property, type DamagedRequest } from './damaged.ts'
import type { Random } from './random.ts'

const paths = ['/boot/ocp45/m1/boot.ipxe', '/images/rhcos/rhcos-live-rootfs.x86_64.img', '/loaders/efi/ipxe.efi', '/health'] // prettier-ignore
/** Fields that a client can leave out, and whose value does not make another request. */
const fields = ['range', 'if-range', 'if-modified-since', 'accept', 'accept-encoding', 'user-agent', 'cache-control', 'connection', 'referer', 'cookie', 'authorization', 'keep-alive', 'te', 'via', 'x'] // prettier-ignore
const values = ['', '*', '0', '-1', 'bytes=', 'bytes=-', 'bytes=0-', 'bytes=4-2', 'bytes=0-0,2-2', 'bytes=-5', 'W/"x"', '"', 'gzip;q=9', 'close, close', 'Thu, 01 Jan 1970 00:00:00 GMT', 'never', 'x'.repeat(2000)] // prettier-ignore

const ready = routesWorld(t)
/** A range that can be read: only one beyond the end of the file gets 416. */
const readable = /^bytes=[\s,]*(?:\d+\s*-|-\s*\d)/i

const createCase = (random: Random): DamagedRequest => {
  const path = random.pick(paths)
  const printable = () =>
    Buffer.from(random.octets(random.below(30)).map((octet) => 32 + (octet % 95))).toString()
  const [field, value] = [random.pick(fields), random.once(2) ? random.pick(values) : printable()]
  const input = Buffer.from(`GET ${path} ${field}: ${value}`)
  const holds = async () => {
    const { ask } = await ready
    const { statusCode, body } = await ask(path, { [field]: value })
    const isFile = path.startsWith('/images/')
    if (isFile && statusCode === 206) return rootfs.includes(body)
    if (isFile && statusCode === 304) return field === 'if-modified-since'
    if (isFile && statusCode === 416) return field === 'range' && readable.test(value)
    return statusCode === 200 && (!isFile || body === rootfs)
  }
  return { input, holds }
}

const { lines, seen } = await ready
property(t, 'http', createCase, () => {
  // One line and one observation for each request would fill the memory.
  Object.assign(lines, { length: 0 })
  Object.assign(seen, { length: 0 })
})
