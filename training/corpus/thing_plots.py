"""Plots around a thing, a place or an idea, told through someone who meets it.

Here `S` is the subject as the story calls it ("teapot") and `aS` with its
article. Because nothing depends on what the subject is, the same plots serve
subjects nobody has heard of.
"""

THING_PLOTS = {
    "the find": ("{N} finds {aS}", "it brings {him} to {H}", [
        ["{time}, {N} found {aS} [at {spot}|near {spot}|in a box that nobody had opened for years]. It was {look} and [a little warm|covered with dust|lighter than it looked].",
         "{N} lived {home}. {time}, {he} stumbled over {aS} that [lay in the road|stuck out of the ground]."],
        ["Somebody must be missing it, thought {N}. {He} asked at {spot2}, but nobody knew [anything about it|whose it was].",
         "{He} took the {S} home and put it on the shelf. That night it [hummed softly|glowed a little|made a small sound], as if it wanted something."],
        ["The next day {N} carried the {S} from door to door. [People shrugged.|Some people laughed.] \"Throw it away,\" they said.",
         "{N} wanted to keep it. But every time {he} looked at the {S}, {he} thought: \"Somewhere, someone is sad.\""],
        ["At {spot3} {he} met {H}, {ahelper}, who stopped and stared. \"My {S}!\" cried {H}. \"I lost it when I was young.\"",
         "Then {H}, {ahelper}, came to the door. \"I have been looking for {aS} all my life,\" said {H}. \"My father made it.\""],
        ["{N} held the {S} out. It was not easy to let it go, but {he} did.",
         "\"Then it is yours,\" said {N}, and gave the {S} back with both hands."],
        ["{H} smiled and [told {him} its whole story|shared {food} with {him}]. And every Sunday they sat together, with the {S} between them.",
         "From then on the {S} belonged to both of them, one week here and one week there."]]),
    "the repair": ("the {S} no longer works", "{N} mends it with {H}", [
        ["In the house of {N}, {home}, there was {aS} that everybody loved. One day it [broke|stopped|went silent].",
         "{N} had {aS}, old and {look}, and {he} was proud of it. {time}, it broke."],
        ["\"Too old,\" said the neighbours. \"Buy a new one.\" But {N} did not want a new one.",
         "{He} looked at it from all sides. Some small piece was missing, but which one?"],
        ["{He} tried glue, and {he} tried string. [Neither worked.|Both made it worse.]",
         "For three days {N} worked on the {S}. On the third evening {he} put {his} head on the table and sighed."],
        ["\"May I see?\" asked {H}, {ahelper}. {H} listened to the {S} for a while. \"It is not broken,\" said {H}. \"It is [tired|lonely|cold].\"",
         "Then {H}, {ahelper}, looked in at the window. \"My grandmother had {aS} like that,\" said {H}. \"You have to be gentle with it.\""],
        ["So they cleaned it, oiled it and put it in the sun. They [sang to it|told it stories|waited], and nobody was in a hurry.",
         "They worked side by side until midnight, with a lamp and a cup of tea. Then something went click."],
        ["In the morning the {S} was as good as new. \"Most things,\" said {H}, \"only need time.\"",
         "Today the {S} works better than ever. And when something else breaks, people bring it to {N}."]]),
    "the wish": ("{N} gets {aS} that grants a wish", "{he} wishes for someone else", [
        ["{time}, a stranger gave {N} {aS}. \"It grants one wish,\" said the stranger. \"[Use it well|Only one].\"",
         "{N} bought {aS} at the market for a single coin. A note was tied to it: \"One wish. Choose well.\""],
        ["{N} put the {S} on the table and thought. A castle? A ship? {Food} every day?",
         "{He} could not sleep. Each wish that came to {him} seemed smaller in the morning."],
        ["{He} asked everyone for advice. [One said gold, another said fame.|Everyone wished for something different.]",
         "Soon the whole street knew about the {S}, and everyone had [an idea|a wish of their own]."],
        ["Only {H}, {ahelper}, did not ask for anything, though {H} was [ill|poor|very sad] and lived alone.",
         "Then {N} passed the house of {H}, {ahelper}. There was no light and no fire in it."],
        ["{N} took the {S} in both hands. \"I wish,\" {he} said, \"that {H} will be well.\" The {S} [shone once|rang once] and was quiet.",
         "That night {N} made {his} wish. It was a short one, and it was not for {himself}."],
        ["The next day {H} stood at the door with {food} and red cheeks. The {S} never granted a wish again, and {N} never needed one.",
         "The {S} is only {aS} now. But {N} keeps it by the window, because it reminds {him} of the best thing {he} ever did."]]),
    "the thing itself": ("nobody wants the {S}", "{N} sees what it is good for", [
        ["Once there was {aS} that nobody wanted. It was {look} and stood in a corner, {home}.",
         "There was once {aS} that dreamed of the world. But it stood on a shelf, and shelves do not travel."],
        ["People came and went. They looked at [other things|newer things], and never at the {S}.",
         "Year after year the dust grew thicker. \"What am I for?\" the {S} wondered."],
        ["{time}, someone wanted to throw it away. It was already [lying on the cart|out in the rain].",
         "{time}, the house was sold, and the {S} was put out in the street."],
        ["Then {N} came by. {He} stopped, bent down and wiped off the dust. \"But you are beautiful,\" {he} said.",
         "{N} happened to come by and saw it. \"Can I have it?\" {he} asked, and {he} held it as if it were gold."],
        ["{N} took the {S} home to {spot}, and found the right place for it.",
         "{N} showed the {S} to {H}, {ahelper}, and {H} knew at once what it was good for."],
        ["Now the {S} is used every day. It is [scratched and worn|still a little crooked], and it has never been so happy.",
         "Sometimes a thing only waits for the one who can see it. The {S} had waited long enough."]]),
}

PLACE_PLOTS = {
    "the dark place": ("the {S} is empty and dark", "{N} brings it back to life", [
        ["There was once {aS} {home2} that nobody visited any more. [The windows were dark and the paths were overgrown.|People said that it was haunted.]",
         "Long ago {aS} stood {home2}. Once it had been full of voices, but now there was only the wind."],
        ["{time}, {N} lost {his} way and came to the {S}. It was raining, so {he} went closer.",
         "{time}, {N} was sent there with a letter. {He} had heard the stories, and {his} heart beat fast."],
        ["Inside, everything was covered with dust. Something [creaked|sighed|moved in the shadows].",
         "{He} called, but only an echo answered. Then {he} heard someone crying."],
        ["It was {H}, {ahelper}, who had looked after the {S} for thirty years. \"Nobody needs it any more,\" said {H}, \"and nobody needs me.\"",
         "In a corner sat {ahelper} named {H}. \"I am the last one here,\" said {H}. \"I did not want it to be alone.\""],
        ["\"I need it,\" said {N}. The next morning {he} came back with a broom, a bucket and {food}. On the third day the neighbours came too.",
         "{N} lit a lamp and put it in the window. [All the village saw it.|It could be seen from far away.] One after another, people came to look."],
        ["Today the {S} is full of voices again. And by the door, in the best chair, sits {H}.",
         "They say that {aS} is only as alive as those who love it. This one has a long life ahead."]]),
    "the secret room": ("{N} finds a small door in the {S}", "a book of names", [
        ["{N} knew every corner of the {S} {home2}. At least {he} thought so.",
         "Nobody loved the {S} {home2} as much as {N} did. {He} came every day after work."],
        ["{time}, {he} noticed a small door that had never been there before. [It was no higher than {his} knee.|A key hung on it.]",
         "{time}, when the sun stood low, {he} saw a door behind the stairs, [blue|round|very old] and half open."],
        ["{He} told only {H}, {ahelper}, who could keep a secret. Together they waited until nobody was near.",
         "{He} fetched {H}, {ahelper}, because some doors are easier for two."],
        ["Behind it lay a tiny room with a table, a chair and a thick book. In the book were the names of all who had ever loved the {S}.",
         "They bent down and stepped inside. On a table lay a book, and in it, line by line, stood the names of all who had loved the {S}."],
        ["They read until it grew dark. The last page was empty.",
         "{H} read the names aloud, one by one, until the last page, and the last page was empty."],
        ["{N} took a pencil and wrote two names on it. Then they closed the door, and there is room for more.",
         "So they added their own names, {N} and {H}. If you love the {S} too, you may look for the door."]]),
    "the letters": ("{N} finds a note in the {S}", "letters from long ago", [
        ["{N} worked at the {S} {home2} and was sure that nothing ever happened there.",
         "The {S} {home2} was old, and {N} liked to [sit|read|think] there when the day was done."],
        ["{time}, behind a loose stone, {he} found a note: \"Look where the light falls at noon.\"",
         "{time}, a note fell out of a crack in the wall. \"Dig where the light falls at noon,\" it said."],
        ["{He} showed it to {H}, {ahelper}, and they could hardly wait until noon.",
         "{N} asked {H}, {ahelper}, to come along, and they watched the light wander over the floor."],
        ["There they found a box. In it were letters, a hundred years old, from people who had met at the {S} and become friends.",
         "Under a stone lay a tin box full of letters. All of them were from friends who had met at the {S}, long ago."],
        ["They read the letters aloud, one by one, and it was as if the {S} were listening.",
         "Some letters were funny and some were sad. {H} read the last one twice."],
        ["Then they wrote a letter of their own and put it with the others. Somebody will find it, in a hundred years.",
         "In the evening {N} and {H} put the box back, with one new letter in it."]]),
}

IDEA_PLOTS = {
    "the question": ("{N} wants to know what {S} is", "three answers, and {his} own", [
        ["{N} lived {home} and asked many questions. {time}, {he} asked: \"What is {S}?\" Nobody could tell {him}.",
         "{time}, {N} heard people talk about {S}. {He} wondered what it really was, and set out to ask."],
        ["First {he} asked a [baker|king|teacher]. \"{S_cap} is like {food},\" was the answer. \"You know it when it is there.\"",
         "At {spot} {he} asked a [soldier|sailor|shepherd]. \"{S_cap}? I lost it once and found it at home,\" came the answer."],
        ["Then {he} asked an old woman at {spot2}. \"Wait a while,\" she said, \"and you will see.\" {N} did not like to wait.",
         "{He} looked for {S} in a thick book, but the book was only full of words."],
        ["On the way home {he} met {H}, {ahelper}, who was [carrying too much|tired|lost]. {N} forgot {his} question and helped.",
         "Then it grew dark, and {H}, {ahelper}, walked a part of the way with {him}. They talked about [the stars|{food}|everything]."],
        ["\"What were you looking for?\" asked {H} at last. {N} had to think. \"{S_cap},\" {he} said. \"But I think I [have just had some|know it now].\"",
         "They sat down at {spot3} and shared what they had. And suddenly {N} knew."],
        ["When {he} came home, {he} wrote only one line in {his} book: \"{S_cap} begins when you stop looking for it and look at each other.\"",
         "\"Well, what is {S}?\" people asked the next day. {N} smiled. \"Come along,\" {he} said, \"and I will show you.\""]]),
}
