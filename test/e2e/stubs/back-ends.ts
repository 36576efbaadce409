/**
 * What stands behind the load balancer, run in its own namespace: `node back-ends.ts KEY CERTIFICATE
 * NAME:ROLE:ADDRESS…`. Masters answer on 6443 (TLS) and 22623 (TLS), workers on 80 and 443 (TLS) and
 * 1936; every answer is the machine's name and the port, so that a client sees where it arrived.
 */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

const [keyFile = '', certificateFile = '', ...machines] = process.argv.slice(2)
const tls = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }

const answer =
  (name: string): RequestListener =>
  (request, response) => {
    response.setHeader('connection', 'close')
    response.end(`${name} ${request.socket.localPort ?? 0}\n`)
  }

for (const machine of machines) {
  const [name = '', role = '', address = ''] = machine.split(':')
  const [plain, encrypted] = role === 'master' ? [[], [6443, 22623]] : [[80, 1936], [443]]
  for (const port of plain) createServer(answer(name)).listen(port, address)
  for (const port of encrypted) createTlsServer(tls, answer(name)).listen(port, address)
}
