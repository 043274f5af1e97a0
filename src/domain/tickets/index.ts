export { isFreeFollowUp, TICKET_STATUSES, type TicketStatus } from './rules';
export { findTicket, type Ticket } from './store';
export {
  adoptUnpaidTicket,
  changeTicket,
  markUnpaid,
  moveTicket,
  noteWritten,
  openTicket,
  recordTicketEvent,
  replyWritten,
  takeTurn,
  type TicketChanges,
  ticketToAdopt,
} from './tickets';
