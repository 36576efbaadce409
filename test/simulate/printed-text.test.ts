import t from 'tap'
import { printedText } from '../../src/simulate/printed-text.ts'

t.test('the folded lines of a script are one text without the name of the node', (t) => {
  const lines = ['', 'slipway ocp45/w1: /x/worker.ign does not exist;', 'slipway ocp45/w1: create it', 'echo']
  t.equal(printedText(lines), '/x/worker.ign does not exist; create it echo')
  t.equal(printedText([]), '')
  t.end()
})
