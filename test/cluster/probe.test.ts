import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { probe } from '../../src/cluster/bootstrap.ts'
import { authority } from '../support/cluster.ts'

t.test('a check passes with 200 by whatever certificate, and with nothing else', async (t) => {
  const pair = authority.server('DNS:nobody.example.net')
  const server = createServer({ key: pair.key, cert: pair.certificate }, (request, response) => {
    if (request.url === '/cut') request.socket.destroy()
    else response.writeHead(request.url === '/readyz' ? 200 : 500).end('said')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const at = (path: string) => probe(`https://127.0.0.1:${port}${path}`)
  t.equal(await at('/readyz'), true)
  t.equal(await at('/healthz'), false)
  t.equal(await at('/cut'), false)
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  t.equal(await at('/readyz'), false)
})
