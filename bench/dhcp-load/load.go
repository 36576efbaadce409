package main

import (
	"math/rand/v2"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reply is what a received message means for its exchange.
type reply int

const (
	other  reply = iota
	offers       // OFFER or ADVERTISE
	grants       // ACK or REPLY
)

// protocol writes and reads the messages. Exchanges have numbers from 0, from which the transaction IDs are derived.
type protocol interface {
	// start writes a DISCOVER or SOLICIT, and returns its length.
	start(buffer []byte, exchange, machine int) int
	// read returns an exchange number that may be out of range.
	read(message []byte) (exchange int, means reply)
	// request writes a REQUEST for what was offered.
	request(buffer []byte, exchange, machine int, offer []byte) int
}

const (
	// tick is the time between looking for work. All that is due or has arrived is sent together.
	tick = 100 * time.Microsecond
	// maxBurst is the time whose exchanges are started together after a delay.
	maxBurst = time.Millisecond
	// grace is the time for late replies.
	grace = 500 * time.Millisecond
)

type stage uint8

const (
	unused stage = iota
	started
	requested
	completed
)

type exchange struct {
	machine   int32
	stage     stage
	startedAt time.Duration
}

type load struct {
	protocol  protocol
	socket    *socket
	rate      float64
	duration  time.Duration
	exchanges []exchange

	started, completed int
	// lastStart is the time of the last burst.
	lastStart         time.Duration
	delaySum, longest time.Duration
}

func newLoad(client protocol, socket *socket, rate int, duration time.Duration, machines int) *load {
	l := &load{protocol: client, socket: socket, rate: float64(rate), duration: duration}
	l.exchanges = make([]exchange, int(l.rate*duration.Seconds()))
	// The same order for each server.
	random := rand.New(rand.NewPCG(1, 1))
	for number := range l.exchanges {
		l.exchanges[number].machine = int32(random.IntN(machines))
	}
	return l
}

func (l *load) run() (Result, error) {
	before, err := processorTime()
	if err != nil {
		return Result{}, err
	}
	begin := time.Now()
	for now := time.Duration(0); now < l.duration; now = time.Since(begin) {
		if err := l.step(now, l.due(now)); err != nil {
			return Result{}, err
		}
		pause()
	}
	sending := time.Since(begin)
	after, err := processorTime()
	if err != nil {
		return Result{}, err
	}
	for now := sending; now < l.duration+grace && l.completed < l.started; now = time.Since(begin) {
		if err := l.step(now, 0); err != nil {
			return Result{}, err
		}
		pause()
	}
	dropped, err := l.socket.dropped()
	if err != nil {
		return Result{}, err
	}
	return Result{
		Started: l.started, Completed: l.completed, Dropped: dropped, SendingSeconds: sending.Seconds(),
		UserSeconds: (after.user - before.user).Seconds(), SystemSeconds: (after.system - before.system).Seconds(),
		AverageMs: milliseconds(l.delaySum) / float64(max(1, l.completed)), LongestMs: milliseconds(l.longest),
	}, nil
}

// due returns the number of exchanges to start now. After a delay it catches up with twice the rate, not all at once.
func (l *load) due(now time.Duration) int {
	most := min(2*(now-l.lastStart), maxBurst)
	return min(int(l.rate*now.Seconds())+1-l.started, max(1, int(l.rate*most.Seconds())), len(l.exchanges)-l.started)
}

// step requests what was offered, and starts exchanges.
func (l *load) step(now time.Duration, due int) error {
	for full := true; full; {
		count, err := l.socket.receive()
		if err != nil {
			return err
		}
		for index := range count {
			l.handle(now, l.socket.received(index))
		}
		if err := l.socket.flush(); err != nil {
			return err
		}
		full = count == batch
	}
	for range due {
		each := &l.exchanges[l.started]
		l.socket.queue(l.protocol.start(l.socket.next(), l.started, int(each.machine)))
		each.stage, each.startedAt = started, now
		l.started++
		l.lastStart = now
		if l.socket.isFull() {
			if err := l.socket.flush(); err != nil {
				return err
			}
		}
	}
	return l.socket.flush()
}

func (l *load) handle(now time.Duration, message []byte) {
	number, means := l.protocol.read(message)
	if means == other || number < 0 || number >= l.started {
		return
	}
	each := &l.exchanges[number]
	switch {
	case means == offers && each.stage == started:
		each.stage = requested
		l.socket.queue(l.protocol.request(l.socket.next(), number, int(each.machine), message))
	case means == grants && each.stage == requested:
		each.stage = completed
		l.completed++
		delay := now - each.startedAt
		l.delaySum += delay
		l.longest = max(l.longest, delay)
	}
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Millisecond)
}

func pause() {
	request := unix.NsecToTimespec(tick.Nanoseconds())
	// Without the scheduler of Go, which has nothing else to run. A signal can end the pause early, which does no harm.
	unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&request)), 0, 0)
}

type processor struct{ user, system time.Duration }

func processorTime() (processor, error) {
	var usage unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_SELF, &usage)
	return processor{time.Duration(usage.Utime.Nano()), time.Duration(usage.Stime.Nano())}, err
}
