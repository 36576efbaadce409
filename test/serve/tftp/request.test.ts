import t from 'tap'
import { judgeRequest, requestText } from '../../../src/serve/tftp/request.ts'

const options = new Map([['tsize', '0']])
const request = { kind: 'rrq', file: '/efi\\ipxe.efi', mode: 'octet', options } as const

t.test('a read request in mode octet or netascii is read (RFC 1350 §1)', (t) => {
  t.same(judgeRequest(request, undefined), { kind: 'read', name: 'efi/ipxe.efi', mode: 'octet', options })
  t.match(judgeRequest({ ...request, mode: 'netascii' }, undefined), { kind: 'read', mode: 'netascii' })
  t.end()
})

const refusals = [
  {
    name: 'a write request: access violation (RFC 1350 §5)',
    asked: { ...request, kind: 'wrq' as const },
    code: 2,
    message: 'files are only read here',
  },
  {
    name: 'mode mail, which "should not be implemented or used" (RFC 1350 §1)',
    asked: { ...request, mode: 'mail' },
    code: 4,
    message: 'only the modes octet and netascii are served',
  },
  {
    name: 'an invented mode',
    asked: { ...request, mode: 'binary' },
    code: 4,
    message: 'only the modes octet and netascii are served',
  },
  {
    name: 'a name that leads out',
    asked: { ...request, file: '../x' },
    code: 2,
    message: 'the name leads out of the served files',
  },
  { name: 'a busy server', asked: request, busy: 'too many', code: 0, message: 'too many' },
]

for (const { name, asked, busy, code, message } of refusals) {
  t.test(`refused: ${name}`, (t) => {
    t.same(judgeRequest(asked, busy), { kind: 'refuse', code, message })
    t.end()
  })
}

t.test('a request is known again by all that it says', (t) => {
  t.equal(requestText(request), requestText({ ...request, options: new Map(options) }))
  for (const other of [
    { ...request, kind: 'wrq' as const },
    { ...request, file: 'x' },
    { ...request, mode: 'netascii' },
    { ...request, options: new Map([['tsize', '1']]) },
    { ...request, options: new Map() },
  ]) {
    t.equal(requestText(other) === requestText(request), false)
  }
  t.end()
})
