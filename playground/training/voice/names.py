"""Names and newer words that story books and word lists lack or that deserve an entry: people, places, techniques."""

from __future__ import annotations

NAMES = """
james robert john michael david william richard joseph thomas christopher charles daniel matthew anthony mark donald steven
andrew paul joshua kenneth kevin brian timothy ronald george jason edward jeffrey ryan jacob nicholas gary eric jonathan
stephen larry justin scott brandon benjamin samuel gregory alexander patrick frank raymond jack dennis jerry tyler aaron jose
adam nathan henry zachary douglas peter kyle noah ethan jeremy christian walter keith austin roger terry sean gerald carl
dylan harold jordan jesse bryan lawrence arthur gabriel bruce logan billy joe alan juan elijah willie albert wayne randy
mason vincent liam roy bobby caleb bradley russell lucas oliver theodore leo hugo felix oscar max finn owen luke isaac ian
neil graham simon martin philip colin nigel trevor derek stuart gareth rhys dominic sebastian julian adrian tobias klaus hans
jurgen wolfgang pierre jean jacques francois giovanni marco luca matteo carlos diego pablo miguel luis javier fernando
alejandro raj arjun ravi sanjay amit vijay ahmed mohammed omar ali hassan ibrahim yusuf hiroshi kenji takashi akira wei ming
chen li wang zhang liu yang huang zhao wu zhou kim lee park choi nguyen tran pham patel singh kumar sharma gupta khan ivan
dmitri sergei vladimir boris igor mary patricia jennifer linda elizabeth barbara susan jessica sarah karen lisa nancy betty
sandra margaret ashley kimberly emily donna michelle carol amanda melissa deborah stephanie rebecca sharon laura cynthia
dorothy amy kathleen angela shirley emma brenda pamela nicole anna samantha katherine christine debra rachel carolyn janet
maria olivia heather helen catherine diane julie victoria joyce lauren kelly christina ruth joan virginia judith evelyn
hannah andrea megan cheryl jacqueline madison teresa abigail sophia martha sara gloria janice kathryn ann isabella judy
charlotte julia grace amber alice denise frances danielle marilyn natalie beverly diana brittany theresa kayla alexis doris
lori tiffany ava mia chloe zoe lily ella lucy ruby daisy poppy freya imogen eleanor harriet matilda beatrice rosie phoebe
penelope ophelia aurora hazel ivy luna stella nora iris clara elena sofia camila valentina lucia carmen rosa ingrid astrid
greta heidi ursula brigitte simone claire sylvie amelie chiara giulia francesca priya anjali lakshmi fatima aisha leila
yasmin noor yuki sakura hana mei xiao svetlana natasha olga irina tatiana siobhan niamh aoife smith johnson williams brown
jones garcia miller davis rodriguez martinez hernandez lopez gonzalez wilson anderson taylor moore jackson thompson white
harris sanchez clark ramirez lewis robinson walker young allen king wright torres hill flores green adams nelson baker hall
rivera campbell mitchell carter roberts gomez phillips evans turner diaz parker cruz edwards collins reyes stewart morris
morales murphy cook rogers gutierrez ortiz morgan cooper peterson bailey reed howard ramos ward cox richardson watson brooks
chavez wood bennett gray mendoza ruiz hughes price alvarez castillo sanders myers long ross foster jimenez tolkien
shakespeare dickens austen bronte hemingway orwell rowling einstein newton darwin galileo copernicus kepler curie tesla
edison bohr heisenberg schrodinger feynman hawking turing lovelace babbage neumann shannon dijkstra knuth torvalds stallman
gates jobs bezos musk zuckerberg mozart beethoven bach chopin vivaldi tchaikovsky debussy brahms wagner verdi puccini handel
haydn schubert mahler stravinsky dvorak picasso monet manet renoir cezanne matisse rembrandt vermeer michelangelo raphael
donatello botticelli caravaggio goya velazquez dali warhol kandinsky klimt munch magritte escher plato aristotle socrates
descartes kant hegel nietzsche spinoza voltaire rousseau sartre camus kafka goethe schiller dante cervantes tolstoy
dostoevsky chekhov pushkin nabokov borges marquez neruda obama biden trump clinton reagan kennedy roosevelt lincoln
washington jefferson churchill thatcher macron merkel zelensky putin gandhi nehru mandela afghanistan albania algeria andorra
angola argentina armenia australia austria azerbaijan bahamas bahrain bangladesh barbados belarus belgium belize benin bhutan
bolivia bosnia herzegovina botswana brazil brunei bulgaria burundi cambodia cameroon canada chad chile china colombia comoros
congo croatia cuba cyprus czechia denmark djibouti dominica ecuador egypt eritrea estonia eswatini ethiopia fiji finland
france gabon gambia georgia germany ghana greece grenada guatemala guinea guyana haiti honduras hungary iceland india
indonesia iran iraq ireland israel italy jamaica japan kazakhstan kenya kiribati kosovo kuwait kyrgyzstan laos latvia lebanon
lesotho liberia libya liechtenstein lithuania luxembourg madagascar malawi malaysia maldives mali malta mauritania mauritius
mexico micronesia moldova monaco mongolia montenegro morocco mozambique myanmar namibia nauru nepal netherlands zealand
nicaragua niger nigeria macedonia norway oman pakistan palau palestine panama papua paraguay peru philippines poland portugal
qatar romania russia rwanda samoa senegal serbia seychelles singapore slovakia slovenia somalia spain sudan suriname sweden
switzerland syria taiwan tajikistan tanzania thailand togo tonga trinidad tobago tunisia turkey turkmenistan tuvalu uganda
ukraine emirates uruguay uzbekistan vanuatu venezuela vietnam yemen zambia zimbabwe england scotland wales britain america
europe africa asia antarctica london paris berlin madrid rome vienna prague budapest warsaw lisbon dublin edinburgh glasgow
cardiff belfast manchester liverpool birmingham leeds sheffield bristol oxford cambridge amsterdam rotterdam brussels antwerp
bruges copenhagen stockholm oslo helsinki reykjavik tallinn riga vilnius moscow petersburg kyiv kiev minsk bucharest belgrade
zagreb ljubljana sarajevo athens thessaloniki istanbul ankara munich hamburg frankfurt cologne stuttgart dresden leipzig
zurich geneva basel bern milan venice florence naples turin genoa bologna verona palermo barcelona valencia seville granada
bilbao marseille lyon nice bordeaux toulouse strasbourg york chicago houston phoenix philadelphia antonio dallas jacksonville
columbus indianapolis seattle denver boston nashville detroit oklahoma portland vegas memphis louisville baltimore milwaukee
albuquerque tucson fresno sacramento mesa atlanta omaha miami tampa cleveland tulsa honolulu pittsburgh cincinnati orlando
buffalo anchorage hollywood brooklyn manhattan queens bronx california texas florida ohio michigan arizona massachusetts
tennessee indiana missouri maryland wisconsin colorado minnesota carolina alabama louisiana kentucky oregon connecticut utah
iowa nevada arkansas mississippi kansas nebraska idaho hawaii maine montana delaware dakota alaska vermont wyoming toronto
montreal vancouver ottawa calgary quebec sydney melbourne brisbane perth adelaide auckland wellington tokyo kyoto osaka
hiroshima nagasaki seoul busan beijing shanghai hong kong guangzhou shenzhen taipei bangkok hanoi manila jakarta bali kuala
lumpur delhi mumbai bombay calcutta kolkata chennai bangalore hyderabad karachi lahore dhaka kathmandu colombo kabul tehran
baghdad damascus beirut jerusalem amman riyadh mecca dubai doha cairo alexandria nairobi lagos johannesburg pretoria
casablanca marrakesh tunis algiers tripoli addis ababa rio janeiro sao paulo brasilia buenos aires santiago lima bogota
caracas quito havana everest kilimanjaro himalayas alps andes pyrenees sahara amazon nile danube rhine thames seine volga
ganges yangtze mekong pacific atlantic mediterranean baltic caribbean internet online website email emails webpage blog
blogger podcast podcasts smartphone smartphones laptop laptops tablet desktop software hardware firmware malware spyware
freeware download downloads upload uploads login logout username password passwords browser browsers server servers database
databases algorithm algorithms api app apps pixel pixels megapixel byte bytes kilobyte kilobytes megabyte megabytes gigabyte
gigabytes terabyte terabytes petabyte petabytes kibibyte mebibyte gibibyte kilobit megabit gigabit hertz kilohertz megahertz
gigahertz kilowatt kilowatts megawatt gigawatt milliamp decibel decibels kilometer kilometers centimeter centimeters
millimeter millimeters nanometer micrometer kilogram kilograms milligram milligrams microgram milliliter milliliters
deciliter centiliter celsius fahrenheit kelvin hashtag hashtags emoji selfie selfies google youtube facebook twitter
instagram whatsapp tiktok netflix spotify microsoft windows apple iphone ipad imac macbook android linux ubuntu debian fedora
python javascript typescript java rust golang kotlin swift perl haskell github gitlab docker kubernetes tensorflow pytorch
numpy pandas gradio jupyter openai chatgpt anthropic deepmind nvidia intel qualcomm samsung sony nokia huawei xiaomi toyota
honda nissan hyundai volkswagen porsche mercedes audi ferrari lamborghini boeing airbus wikipedia wiki bitcoin bitcoins
ethereum blockchain crypto cryptocurrency startup startups chatbot chatbots robot robots robotics drone drones laser radar
nasa nato unesco unicef covid vaccine genome transformer transformers tokenizer token tokens dataset datasets neural gpu gpus
cpu diffusion latent latents encoder decoder prompt prompts metadata timestamp timestamps hyperlink url wireless bluetooth
broadband router modem ethernet wifi cyber cyberspace cybersecurity phishing spam meme memes viral influencer streaming
multiplayer esports minecraft pokemon pikachu nintendo playstation xbox mario zelda tetris anime manga karaoke sushi ramen
tofu burrito taco tacos quesadilla guacamole pizza lasagna spaghetti cappuccino espresso latte croissant baguette cafe naive
fiance fiancee resume cliche facade decor jalapeno pinata senor smorgasbord uber doppelganger zeitgeist kindergarten
schadenfreude tsunami yoga guru karma avatar ninja samurai okay yeah nope yep gonna wanna gotta kinda sorta dunno lemme gimme
cannot o'clock ma'am y'all rock'n'roll ne'er o'er e'er twas tis twere twill em wow yay oops whoops ouch yuck ugh huh uh um
hey hi hello bye goodbye thanks lol omg yolo missus mister doctor percent et cetera euro euros dollar dollars cents pence
penny yen rupee rupees ruble rubles won lira kopeck kopecks yuan renminbi peso pesos zero one two three four five six seven
eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty
seventy eighty ninety hundred thousand million billion trillion first second third fourth fifth sixth seventh eighth ninth
tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth
fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth thousandth millionth billionth twenties thirties forties
fifties sixties seventies eighties nineties half halves quarter quarters thirds fourths fifths sixths eighths tenths january
february march april may june july august september october november december monday tuesday wednesday thursday friday
saturday sunday dot slash dash underscore colon hash plus minus equals tilde comma semicolon backslash asterisk degree
degrees copyright registered trademark section squared cubed infinity versus approximately avenue boulevard apartment
"""
