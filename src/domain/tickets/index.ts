export { isFreeFollowUp } from './rules';
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
  type TicketChanges,
  takeTurn,
  ticketToAdopt,
} from './tickets';
