/** Parts of names, which ranks and hashes are turned into. Domains are of the reserved top level `example`. */
export const firstNames = words(
  'jan piet anna emma sofie lucas noah daan eva julia sara mila finn sem luuk tess lotte bram thijs ruben ' +
    'ahmed fatima yusuf maria jose elena pavel olga wei li chen kenji aiko priya ravi omar leila hugo lars ' +
    'ingrid sven astrid marta pedro carlos lucia paolo giulia marco chiara hans greta klaus petra john mary ' +
    'peter susan david helen',
);

export const lastNames = words(
  'jansen devries bakker visser smit meijer mulder bos vos peters hendriks dekker brouwer dewit dijkstra ' +
    'smits degraaf vandermeer vanleeuwen vandijk kok jacobs vermeulen vandenberg schouten huisman postma ' +
    'kuipers veenstra prins hoekstra koster willems molenaar evers blom timmermans groen gerritsen ' +
    'kramer scholten martens hermans roos wolters driessen vink maas verbeek bosch vandam kuiper sanders ' +
    'jonker barendsen haan schipper vanderlinden bosman postema blok dejong demir yilmaz kaya celik sahin ' +
    'garcia lopez perez rossi russo bianchi ferrari muller schmidt schneider fischer weber wagner becker',
);

export const domainWords = words(
  'blue red green north south east west river lake hill stone wood iron gold silver cloud star moon sun ' +
    'bakery bike book garden media studio legal travel sport food music art data code web host shop trade ' +
    'care clinic school build design print tech energy water farm flower cheese tulip canal bridge market',
);

function words(text: string): readonly string[] {
  return text.split(' ');
}
