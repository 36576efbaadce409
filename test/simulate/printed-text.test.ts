import t from 'tap'
import { printedText } from '../../src/simulate/printed-text.ts'

t.test('the folded lines of a script are one text without the name and the address of the node', (t) => {
  const node = 'slipway ocp45/w1:'
  const lines = [
    '',
    `${node} waits until ocp45/m1`,
    `${node} runs`,
    `${node} address 172.16.0.31, MAC 00:50:56:96:6b:da`,
  ]
  t.equal(printedText(lines), 'waits until ocp45/m1 runs')
  t.equal(printedText([]), '')
  t.end()
})
