// The closed forms of benchmark/theory/bounds.py, in the same words; a test holds both together.
"use strict";

const theory = {
  // D = S / m
  serviceDemandS: (workS, seats) => workS / seats,

  // X <= min(N / (S + Z), m / S); seats null: nothing to queue for
  throughputBoundRps(users, workS, seats = null, waitS = 0) {
    const asked = users / (workS + waitS);
    return seats === null ? asked : Math.min(asked, 1 / theory.serviceDemandS(workS, seats));
  },

  // R >= max(S, N D - Z)
  answerTimeBoundS(users, workS, seats = null, waitS = 0) {
    return seats === null ? workS : Math.max(workS, users * theory.serviceDemandS(workS, seats) - waitS);
  },

  // N* = (S + Z) / D
  kneeUsers: (workS, seats, waitS = 0) => (workS + waitS) / theory.serviceDemandS(workS, seats),

  // The ways of serving the same tasks: own work of one request (s) and seats of all workers.
  ways({ workers, threads, task_seconds: taskS, tasks }) {
    return [
      { way: "def: in the thread pool", workS: tasks * taskS, seats: workers * threads },
      { way: "async def: awaited one by one", workS: tasks * taskS, seats: null },
      { way: "async def: asyncio.gather", workS: taskS, seats: null },
      { way: "async def that blocks", workS: tasks * taskS, seats: workers },
    ];
  },

  // What each way gives for so many users.
  answers(asked) {
    return theory.ways(asked).map(({ way, workS, seats }) => ({
      way,
      users: asked.users,
      seats,
      workS,
      rps: theory.throughputBoundRps(asked.users, workS, seats, asked.rest),
      seconds: theory.answerTimeBoundS(asked.users, workS, seats, asked.rest),
      knee: seats === null ? null : theory.kneeUsers(workS, seats, asked.rest),
    }));
  },
};
