package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batch is the number of datagrams per system call.
	batch = 64
	// maxMessage is the size of the largest message.
	maxMessage = 1500
	// receiveBuffer has space for the replies of a second.
	receiveBuffer = 64 << 20
)

// messageHeader is struct mmsghdr of sendmmsg(2).
type messageHeader struct {
	header unix.Msghdr
	length uint32
}

// messages are the buffers of one system call.
type messages struct {
	headers [batch]messageHeader
	vectors [batch]unix.Iovec
	buffers [batch][maxMessage]byte
}

func newMessages() *messages {
	all := &messages{}
	for index := range all.headers {
		all.vectors[index].Base = &all.buffers[index][0]
		all.vectors[index].SetLen(maxMessage)
		all.headers[index].header.Iov = &all.vectors[index]
		all.headers[index].header.SetIovlen(1)
	}
	return all
}

// socket sends all messages to the server, and receives from any address.
type socket struct {
	descriptor int
	incoming   *messages
	outgoing   *messages
	queued     int
}

// openSocket binds a UDP socket. Both addresses have the same family.
func openSocket(own, server netip.AddrPort, link int) (*socket, error) {
	var family int
	var bound unix.Sockaddr
	if own.Addr().Is4() {
		family = unix.AF_INET
		bound = &unix.SockaddrInet4{Port: int(own.Port()), Addr: own.Addr().As4()}
	} else {
		family = unix.AF_INET6
		bound = &unix.SockaddrInet6{Port: int(own.Port()), ZoneId: uint32(link), Addr: own.Addr().As16()}
	}
	descriptor, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	// A size above net.core.rmem_max, which root can set.
	if err := unix.SetsockoptInt(descriptor, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer); err != nil {
		return nil, err
	}
	if err := unix.Bind(descriptor, bound); err != nil {
		return nil, fmt.Errorf("bind %s: %w", own, err)
	}
	opened := &socket{descriptor: descriptor, incoming: newMessages(), outgoing: newMessages()}
	name := rawAddress(server, link)
	for index := range opened.outgoing.headers {
		opened.outgoing.headers[index].header.Name = &name[0]
		opened.outgoing.headers[index].header.Namelen = uint32(len(name))
	}
	return opened, nil
}

// receive returns the number of received messages, at most a batch. It does not wait.
func (s *socket) receive() (int, error) {
	count, _, errno := unix.RawSyscall6(
		unix.SYS_RECVMMSG, uintptr(s.descriptor), uintptr(unsafe.Pointer(&s.incoming.headers[0])), batch,
		unix.MSG_DONTWAIT, 0, 0,
	)
	switch errno {
	case 0:
		return int(count), nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("recvmmsg: %w", errno)
}

func (s *socket) received(index int) []byte {
	return s.incoming.buffers[index][:s.incoming.headers[index].length]
}

// next returns the buffer of the next message to queue. The queue must not be full.
func (s *socket) next() []byte {
	return s.outgoing.buffers[s.queued][:]
}

func (s *socket) queue(length int) {
	s.outgoing.vectors[s.queued].SetLen(length)
	s.queued++
}

func (s *socket) isFull() bool {
	return s.queued == batch
}

// flush sends the queued messages.
func (s *socket) flush() error {
	for first := 0; first < s.queued; {
		count, _, errno := unix.RawSyscall6(
			unix.SYS_SENDMMSG, uintptr(s.descriptor), uintptr(unsafe.Pointer(&s.outgoing.headers[first])),
			uintptr(s.queued-first), 0, 0, 0,
		)
		switch errno {
		case 0:
			first += int(count)
		case unix.EAGAIN, unix.EINTR:
		default:
			return fmt.Errorf("sendmmsg: %w", errno)
		}
	}
	s.queued = 0
	return nil
}

// dropped returns the number of datagrams that did not fit in the receive buffer.
func (s *socket) dropped() (int, error) {
	// SK_MEMINFO_DROPS of <linux/sock_diag.h> is the last of nine.
	var info [9]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(
		unix.SYS_GETSOCKOPT, uintptr(s.descriptor), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0,
	)
	if errno != 0 {
		return 0, fmt.Errorf("SO_MEMINFO: %w", errno)
	}
	return int(info[8]), nil
}

// rawAddress returns struct sockaddr_in or sockaddr_in6.
func rawAddress(address netip.AddrPort, link int) []byte {
	if address.Addr().Is4() {
		raw := make([]byte, unix.SizeofSockaddrInet4)
		binary.NativeEndian.PutUint16(raw, unix.AF_INET)
		binary.BigEndian.PutUint16(raw[2:], address.Port())
		copy(raw[4:], address.Addr().AsSlice())
		return raw
	}
	raw := make([]byte, unix.SizeofSockaddrInet6)
	binary.NativeEndian.PutUint16(raw, unix.AF_INET6)
	binary.BigEndian.PutUint16(raw[2:], address.Port())
	copy(raw[8:], address.Addr().AsSlice())
	binary.NativeEndian.PutUint32(raw[24:], uint32(link))
	return raw
}
