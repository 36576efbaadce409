/** What follows a request on its connection: other requests, or octets that are not a request (RFC 9112 §9.3.2). */
import t, { type Test } from 'tap'
import { createSockets } from '../../../src/host/sockets.ts'
import { startHttp } from '../../../src/serve/http/service.ts'
import { httpWorld, rootfs } from '../../support/http-service.ts'
import { exchangeRaw } from '../../support/raw-http.ts'

const image = '/images/rhcos/rhcos-live-rootfs.x86_64.img'
const get = (path: string, ...fields: string[]) =>
  [`GET ${path} HTTP/1.1`, 'Host: x', ...fields, '', ''].join('\r\n')

async function running(t: Test) {
  const world = httpWorld(t)
  const service = await startHttp({ ...world.options, sockets: createSockets({}), onLost: () => {} })
  t.teardown(() => service.close(0))
  return { ...world, port: Number(service.listening[0]!.split(':')[1]) }
}

/** The status and the body of each response. */
const responsesOf = (text: string) =>
  text
    .split(/(?=HTTP\/1\.1 )/)
    .map((response) => `${response.slice(9, 12)} ${response.slice(response.indexOf('\r\n\r\n') + 4)}`)

const whole = `200 ${rootfs}`
const bad = '400 this is not an HTTP request\n'
const cases = [
  { name: 'a request after "Connection: close"', text: get(image, 'Connection: close') + get('/health'), responses: [whole] }, // prettier-ignore
  { name: 'octets after "Connection: close"', text: `${get(image, 'Connection: close')}x`, responses: [whole] }, // prettier-ignore
  { name: 'a request after one of HTTP/1.0', text: `GET ${image} HTTP/1.0\r\n\r\n${get('/health')}`, responses: [whole] }, // prettier-ignore
  { name: 'octets that are not a request', text: `${get(image)}\0\0\r\n\r\n`, responses: [whole, bad] },
  { name: 'octets after two requests', text: `${get(image)}${get(image)}\0\r\n\r\n`, responses: [whole, whole, bad] }, // prettier-ignore
  { name: 'a second request with an invalid header', text: `${get(image)}GET / HTTP/1.1\r\n: x\r\n\r\n`, responses: [whole, bad] }, // prettier-ignore
]
for (const { name, text, responses } of cases) {
  t.test(`the response to a request is complete before ${name}`, async (t) => {
    const { port } = await running(t)
    t.same(responsesOf(await exchangeRaw(port, text)), responses)
  })
}

t.test('octets that are not a request are counted once, however many arrive', async (t) => {
  const { port, options } = await running(t)
  t.match(await exchangeRaw(port, `${get(image)}\0${'x'.repeat(100_000)}`), /this is not an HTTP request/)
  t.equal(options.counters.get('http.malformed'), 1)
})

t.test('CONNECT is refused with a reason, as other methods are (RFC 9110 §15.5.6)', async (t) => {
  const { port, options } = await running(t)
  const answer = await exchangeRaw(port, 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n')
  t.match(
    answer,
    /^HTTP\/1\.1 405 Method Not Allowed\r\nDate: .*\r\nConnection: close\r\nAllow: GET, HEAD\r\n/,
  )
  t.match(answer, /\r\n\r\nmethod CONNECT is not supported: use GET or HEAD\n$/)
  t.equal(options.counters.get('http.methodsRefused'), 1)
})

t.test('a 304 has no length, which would be that of the file (RFC 9110 §8.6)', async (t) => {
  const { port } = await running(t)
  for (const method of ['GET', 'HEAD']) {
    const answer = await exchangeRaw(port, get(image, 'If-None-Match: *', 'Connection: close').replace('GET', method)) // prettier-ignore
    t.match(answer, /^HTTP\/1\.1 304 /, method)
    t.notMatch(answer, /Content-Length/, method)
  }
})
