import t from 'tap'
import { decodeSyslog, maxMessageOctets } from '../../../src/proto/syslog/message.ts'

const decode = (text: string) => decodeSyslog(new TextEncoder().encode(text))

t.test('decodes the messages that real programs send', (t) => {
  const cases: readonly [sender: string, message: string, expected: object][] = [
    [
      'logger --rfc5424',
      '<13>1 2026-11-30T01:02:03.004005+00:00 w1 root - - [timeQuality tzKnown="1" isSynced="0"] disk is full',
      { severity: 5, app: 'root', text: 'disk is full' },
    ],
    [
      'rsyslog with a byte order mark (RFC 5424 §6.4)',
      '<165>1 2026-11-30T01:02:03Z w1 evntslog 12 ID47 [a@1 b="c \\] \\" d"][e@2] \ufeffAn application event',
      { severity: 5, app: 'evntslog', text: 'An application event' },
    ],
    ['no structured data and no text', '<0>1 - - - - - -', { severity: 0, text: '' }],
    ['logger --rfc3164', '<30>Nov 30 01:02:03 w1 kernel: Linux version 5.14', { severity: 6, app: 'kernel', text: 'Linux version 5.14' }], // prettier-ignore
    ['journalctl without a host', '<14>Nov 30 01:02:03 coreos-installer[812]: Read 1%', { severity: 6, app: 'coreos-installer', text: 'Read 1%' }], // prettier-ignore
    ['busybox syslogd', '<11>Nov  3 01:02:03 debian main-menu[180]: (process:1): warn', { severity: 3, app: 'main-menu', text: '(process:1): warn' }], // prettier-ignore
    ['a time with microseconds', '<14>Nov 30 01:02:03.123456 w1 (sd-x)[1]: up', { severity: 6, app: '(sd-x)', text: 'up' }], // prettier-ignore
    ['only a priority', '<4>out of memory', { severity: 4, text: 'out of memory' }],
    ['JSON of Talos', '{"msg":"x","talos-level":"info"}', { severity: 6, text: '{"msg":"x","talos-level":"info"}' }], // prettier-ignore
    ['a priority that does not exist', '<192>text', { severity: 6, text: '<192>text' }],
    ['an empty datagram', '', { severity: 6, text: '' }],
  ]
  for (const [sender, message, expected] of cases) t.same(decode(message), expected, sender)
  t.end()
})

t.test('a text cannot change a terminal, the direction of text, or the number of lines', (t) => {
  const { text } = decode(
    '<14>\x1b[0;32m  OK  \x1b[0m] Started\r\n\x1b]0;title\x07\u202eevil\u0000 \u2028 end',
  )
  t.equal(text, 'OK  ] Started ]0;title evil    end')
  t.equal(decode('<14>Nov 30 01:02:03 w1 a: \x9b31m').text, '31m')
  t.end()
})

t.test('the length of a message is limited', (t) => {
  t.equal(decode(`<14>${'x'.repeat(5000)}`).text.length, 1024)
  t.equal(decode('\u00e4'.repeat(maxMessageOctets)).text.length, 1024)
  t.same(decodeSyslog(Uint8Array.of(0x3c, 0x31, 0x3e, 0xff, 0xfe)), { severity: 1, text: '\ufffd\ufffd' })
  t.end()
})
