export { type Board, type BoardOptions, createBoard } from './create-board.ts'
