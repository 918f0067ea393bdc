import { answerGroup } from './answer-scenarios.ts'
import { runGroup } from './run-group.ts'

runGroup(answerGroup)
